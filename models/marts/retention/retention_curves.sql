-- One row per period x segment x segment_value x period_number: the cohorts' complete cells
-- pooled, each user counting once (var conventions: averaging, window_basis). Incomplete cells
-- are left out of both counts.

{% set averaging = convention('averaging') %}
{% set basis = convention('window_basis') %}

with

cells as (

    select * from {{ ref('cohort_retention') }} where {{ is_complete_on(basis) }}

),

pooled as (

    select
        period,
        segment,
        segment_value,
        period_number,
        count(*) as cohorts,
        sum(cohort_users) as cohort_users,
        sum({{ retained_users_on(basis) }}) as retained_users,
        sum(retained_on_or_after_users) as retained_on_or_after_users,
        {{ averaged_rate(averaging, retained_users_on(basis), 'cohort_users') }} as retention_rate,
        {{ averaged_rate(averaging, 'retained_on_or_after_users', 'cohort_users') }} as retention_on_or_after_rate

    from cells
    group by period, segment, segment_value, period_number

),

final as (

    select
        period,
        segment,
        segment_value,
        period_number,
        cast(cohorts as bigint) as cohorts,
        cast(cohort_users as bigint) as cohort_users,
        cast(retained_users as bigint) as retained_users,
        cast(retained_on_or_after_users as bigint) as retained_on_or_after_users,
        retention_rate,
        retention_on_or_after_rate,
        {{ wilson_interval('retained_users', 'cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('retained_users', 'cohort_users', 'high') }} as ci_high

    from pooled

)

select * from final
