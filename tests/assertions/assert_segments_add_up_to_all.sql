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
    union all
    select
        'retention_brackets' as mart,
        segment,
        period || ' ' || cast(cohort_start as string) || ' '
        || cast(first_period_number as string) as slot,
        sum(retained_users) as users

    from {{ ref('retention_brackets') }}
    group by segment, period, cohort_start, first_period_number
    union all
    select
        'stickiness' as mart,
        segment,
        cast(as_of_date as string) || ' ' || cast(window_days as string) || ' '
        || cast(active_days as string) as slot,
        sum(users_exact) as users

    from {{ ref('stickiness') }}
    group by segment, as_of_date, window_days, active_days
    union all
    select
        'path_transitions' as mart,
        segment,
        cast(period_start as string) || ' ' || cast(from_step as string) || ' '
        || from_event || ' ' || to_event as slot,
        sum(transitions) as users

    from {{ ref('path_transitions') }}
    group by segment, period_start, from_step, from_event, to_event

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
