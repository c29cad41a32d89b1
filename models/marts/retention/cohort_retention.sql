-- One row per period (day, week, month) x cohort_start x segment x segment_value x
-- period_number, dense up to the last period that has begun.

{% set last_periods = retention_definition() %}

with

users as (

    select * from {{ ref('dim_users') }}

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
        {{ cohort_date() }} as cohort_date

    from users
    where {{ cohort_date() }} is not null

),

{%- for period, last_period in last_periods.items() %}

by_{{ period }} as (

    {{ retention(period, 'cohorts', 'user_days', 'user_segments', 'bounds', last_period) }}

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
        {{ safe_divide('retained_users', 'cohort_users') }} as retention_rate,
        {{ safe_divide('retained_on_or_after_users', 'cohort_users') }} as retention_on_or_after_rate,
        {{ wilson_interval('retained_users', 'cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('retained_users', 'cohort_users', 'high') }} as ci_high,
        is_complete,
        cohort_start

    from all_periods

)

select * from final
