-- One row per period (week, month) x period_start x segment x segment_value x features_used:
-- how many users did so many different things.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone', 'week_start'],
    'periods': ['week', 'month'],
    'is_over': 'is_complete',
}) }}

{% set increments = is_increment() %}
{% set periods = ['week', 'month'] %}

with

events as (

    select * from {{ ref('fct_events') }} where is_activity

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

{%- for period in periods %}

breadth_by_{{ period }} as (

    select
        user_id,
        '{{ period }}' as period,
        count(distinct event_name) as features_used,
        {{ period_start(period, 'event_date') }} as period_start,
        {{ add_periods(period, period_start(period, 'event_date'), 1) }} as next_period_start

    from events
    {%- if increments %}
    where event_date >= {{ remade_from(period) }}
    {%- endif %}
    group by user_id, {{ period_start(period, 'event_date') }}

),
{%- endfor %}

user_breadth as (
{% for period in periods %}
    select * from breadth_by_{{ period }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

counted as (

    select
        user_breadth.period,
        user_segments.segment,
        user_segments.segment_value,
        user_breadth.features_used,
        count(*) as users,
        user_breadth.period_start,
        user_breadth.next_period_start

    from user_breadth
    inner join user_segments on user_breadth.user_id = user_segments.user_id
    group by
        user_breadth.period,
        user_segments.segment,
        user_segments.segment_value,
        user_breadth.features_used,
        user_breadth.period_start,
        user_breadth.next_period_start

),

final as (

    select
        counted.period,
        counted.segment,
        counted.segment_value,
        cast(counted.features_used as bigint) as features_used,
        cast(counted.users as bigint) as users,
        {{ safe_divide('counted.users', 'sum(counted.users) over (partition by counted.period, counted.segment, counted.segment_value, counted.period_start)') }} as share,
        {{ add_days('counted.next_period_start', -1) }} <= bounds.as_of_date as is_complete,
        counted.period_start

    from counted
    cross join bounds

)

select * from final
