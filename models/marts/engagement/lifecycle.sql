-- One row per period (day, week, month) x period_start x segment x segment_value.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone', 'week_start'],
    'periods': ['day', 'week', 'month'],
    'is_over': 'is_complete',
    'is_dense': true,
}) }}

{# What only an increment reads, for dbt to know. -#}
{% if not execute %}
{% do ref('dim_users') %}
{% endif %}

{% set increments = is_increment() %}
{% set periods = ['day', 'week', 'month'] %}

with

user_days as (

    select * from {{ ref('fct_user_days') }}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

{%- for period in periods %}

{% if increments -%}
-- Of what was before, a state only asks for the period before and who had been active at all.
recent_days_by_{{ period }} as (

    select
        user_id,
        activity_date

    from user_days
    where activity_date >= {{ add_periods(period, remade_from(period), -1) }}
    union
    select
        user_id,
        {{ local_date('first_active_at') }} as activity_date

    from {{ ref('dim_users') }}
    where first_active_at is not null

),

{% endif -%}
by_{{ period }} as (

    {{ lifecycle(
        period, 'recent_days_by_' ~ period if increments else 'user_days', 'user_segments', 'bounds'
    ) }}

),
{%- endfor %}

all_periods as (
{% for period in periods %}
    select
        by_{{ period }}.*,
        '{{ period }}' as period,
        {{ add_days(add_periods(period, 'by_' ~ period ~ '.period_start', 1), -1) }} as period_end

    from by_{{ period }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

final as (

    select
        all_periods.period,
        all_periods.segment,
        all_periods.segment_value,
        cast(all_periods.new_users as bigint) as new_users,
        cast(all_periods.returning_users as bigint) as returning_users,
        cast(all_periods.resurrected_users as bigint) as resurrected_users,
        cast(all_periods.dormant_users as bigint) as dormant_users,
        cast(all_periods.active_users as bigint) as active_users,
        {{ safe_divide('all_periods.new_users + all_periods.resurrected_users', 'all_periods.dormant_users') }} as quick_ratio,
        all_periods.period_end <= bounds.as_of_date as is_complete,
        all_periods.period_start

    from all_periods
    cross join bounds
    {%- if increments %}
    where {{ is_remade_period() }}
    {%- endif %}

)

select * from final
