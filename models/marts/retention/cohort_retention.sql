-- One row per period (day, week, month) x cohort_start x segment x segment_value x
-- period_number, dense up to the last period that has begun.

{% set last_periods = retention_definition() %}

with

users as (

    select * from {{ ref('dim_users') }}

),

events as (

    select * from {{ ref('fct_events') }} where is_activity

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

cohorts as (

    select
        user_id,
        {{ cohort_date() }} as cohort_date,
        {{ cohort_at() }} as cohort_at

    from users
    where {{ cohort_date() }} is not null

),

user_elapsed_days as (

    select
        cohorts.user_id,
        cohorts.cohort_date,
        {{ elapsed_periods('cohorts.cohort_at', 'events.event_time') }} as elapsed_days

    from cohorts
    inner join events
        on cohorts.user_id = events.user_id
        and cohorts.cohort_at <= events.event_time
    group by
        cohorts.user_id,
        cohorts.cohort_date,
        {{ elapsed_periods('cohorts.cohort_at', 'events.event_time') }}

),

{%- for period, last_period in last_periods.items() %}

by_{{ period }} as (

    {{ retention(
        period, 'cohorts', 'user_days', 'user_segments', 'bounds', last_period,
        user_elapsed_days='user_elapsed_days'
    ) | indent(4) }}

),
{%- endfor %}

all_periods as (
{% for period in last_periods %}
    select
        by_{{ period }}.*,
        '{{ period }}' as period

    from by_{{ period }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

final as (

    select
        period,
        segment,
        segment_value,
        cast(period_number as bigint) as period_number,
        cast(cohort_users as bigint) as cohort_users,
        cast(retained_users as bigint) as retained_users,
        cast(retained_on_or_after_users as bigint) as retained_on_or_after_users,
        cast(retained_through_users as bigint) as retained_through_users,
        cast(retained_elapsed_users as bigint) as retained_elapsed_users,
        {{ safe_divide('retained_users', 'cohort_users') }} as retention_rate,
        {{ safe_divide('retained_on_or_after_users', 'cohort_users') }} as retention_on_or_after_rate,
        {{ safe_divide('retained_through_users', 'cohort_users') }} as retention_through_rate,
        {{ safe_divide('retained_elapsed_users', 'cohort_users') }} as retention_elapsed_rate,
        {{ wilson_interval('retained_users', 'cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('retained_users', 'cohort_users', 'high') }} as ci_high,
        is_complete,
        is_elapsed_complete,
        cohort_start

    from all_periods

)

select * from final
