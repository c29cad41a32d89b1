-- One row per period x cohort_start x segment x segment_value x bracket of periods.

{% set brackets = var('retention_brackets') %}

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

{%- for period, period_brackets in brackets.items() %}

by_{{ period }} as (

    {{ retention_brackets(period, 'cohorts', 'user_days', 'user_segments', 'bounds', period_brackets) | indent(4) }}

),
{%- endfor %}

all_periods as (
{% for period in brackets %}
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
        cast(first_period_number as bigint) as first_period_number,
        cast(last_period_number as bigint) as last_period_number,
        cast(cohort_users as bigint) as cohort_users,
        cast(retained_users as bigint) as retained_users,
        {{ safe_divide('retained_users', 'cohort_users') }} as retention_rate,
        {{ wilson_interval('retained_users', 'cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('retained_users', 'cohort_users', 'high') }} as ci_high,
        is_complete,
        cohort_start

    from all_periods

)

select * from final
