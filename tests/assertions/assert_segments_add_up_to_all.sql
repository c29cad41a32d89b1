-- The values of each segment share the users out: they add up to `all`, in every mart that
-- counts users.

with

parts as (

    select
        'daily_active' as mart,
        segment,
        cast(activity_date as string) as slot,
        sum(dau) as users

    from {{ ref('daily_active') }}
    group by segment, activity_date
    union all
    select
        'cohort_retention' as mart,
        segment,
        period || ' ' || cast(cohort_start as string) || ' '
        || cast(period_number as string) as slot,
        sum(retained_users) as users

    from {{ ref('cohort_retention') }}
    group by segment, period, cohort_start, period_number
    union all
    select
        'funnel_steps' as mart,
        segment,
        funnel || ' ' || cast(step_number as string) as slot,
        sum(users) as users

    from {{ ref('funnel_steps') }}
    group by segment, funnel, step_number

)

select
    slices.*,
    totals.users as total_users

from parts as slices
inner join parts as totals
    on slices.mart = totals.mart
    and slices.slot = totals.slot
    and totals.segment = 'all'
where slices.users <> totals.users
