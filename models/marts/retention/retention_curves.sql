-- One row per period x segment x segment_value x period_number: the cohorts' complete cells
-- pooled, each user counting once. Incomplete cells are left out of both counts.

with

cells as (

    select * from {{ ref('cohort_retention') }} where is_complete

),

pooled as (

    select
        period,
        segment,
        segment_value,
        period_number,
        count(*) as cohorts,
        sum(cohort_users) as cohort_users,
        sum(retained_users) as retained_users,
        sum(retained_on_or_after_users) as retained_on_or_after_users

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
        {{ safe_divide('retained_users', 'cohort_users') }} as retention_rate,
        {{ safe_divide('retained_on_or_after_users', 'cohort_users') }} as retention_on_or_after_rate,
        {{ wilson_interval('retained_users', 'cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('retained_users', 'cohort_users', 'high') }} as ci_high

    from pooled

)

select * from final
