-- One row per as_of_date (the last day of each complete week) x window x segment x
-- segment_value x active_days: how many users were active on so many days of the window.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone', 'week_start', 'stickiness_windows'],
    'periods': ['day'],
    'period_column': 'as_of_date',
    'is_over': 'true',
    'is_dense': true,
}) }}

{% set windows = var('stickiness_windows') %}
{% set increments = is_increment() %}

with

user_days as (

    select * from {{ ref('fct_user_days') }}
    {%- if increments %}
    where activity_date > {{ add_days(remade_from('day'), -(windows | max)) }}
    {%- endif %}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

days as (

    select
        {{ date_series('data_start_date', 'as_of_date') }} as as_of_date,
        data_start_date

    from bounds

),

-- Ends of weeks, so that a later build adds rows and does not move the ones it had.
week_ends as (

    select as_of_date
    from days
    where as_of_date = {{ add_days(period_start('week', 'as_of_date'), 6) }}
        {%- if increments %}
        and {{ is_remade_period() }}
        {%- endif %}

),

counted as (

    {{ stickiness('user_days', 'user_segments', 'week_ends', windows) | indent(4) }}

),

final as (

    select
        counted.segment,
        counted.segment_value,
        cast(counted.window_days as bigint) as window_days,
        cast(counted.active_days as bigint) as active_days,
        cast(counted.users_exact as bigint) as users_exact,
        cast(counted.users_at_least as bigint) as users_at_least,
        cast(counted.active_users as bigint) as active_users,
        {{ safe_divide('counted.users_exact', 'counted.active_users') }} as share_exact,
        {{ safe_divide('counted.users_at_least', 'counted.active_users') }} as share_at_least,
        {{ days_between('bounds.data_start_date', 'counted.as_of_date') }} >= counted.window_days - 1 as is_full_window,
        counted.as_of_date

    from counted
    cross join bounds

)

select * from final
