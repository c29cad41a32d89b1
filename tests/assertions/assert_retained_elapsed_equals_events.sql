-- Elapsed day cohorts counted the plain way from users and their events: 24 hours from the
-- user's own start, not days of the calendar.

with

users as (

    select
        user_id,
        {{ cohort_date() }} as cohort_date,
        {{ cohort_at() }} as cohort_at

    from {{ ref('dim_users') }}

),

counted as (

    select
        users.cohort_date,
        cells.period_number,
        count(distinct events.user_id) as users

    from users
    inner join {{ ref('cohort_retention') }} as cells
        on users.cohort_date = cells.cohort_start
        and cells.period = 'day'
        and cells.segment = 'all'
        and cells.period_number <= 3
    inner join {{ ref('fct_events') }} as events
        on users.user_id = events.user_id
        and events.is_activity
        and {{ seconds_between('users.cohort_at', 'events.event_time') }} >= 86400 * cells.period_number
        and {{ seconds_between('users.cohort_at', 'events.event_time') }} < 86400 * (cells.period_number + 1)
    group by users.cohort_date, cells.period_number

)

select
    cells.cohort_start,
    cells.period_number,
    cells.retained_elapsed_users,
    counted.users

from {{ ref('cohort_retention') }} as cells
left join counted
    on cells.cohort_start = counted.cohort_date
    and cells.period_number = counted.period_number
where
    cells.period = 'day'
    and cells.segment = 'all'
    and cells.period_number <= 3
    and cells.retained_elapsed_users <> coalesce(counted.users, 0)
