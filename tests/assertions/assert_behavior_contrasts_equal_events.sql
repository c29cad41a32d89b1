-- Users with each behaviour, and how many of them were active later, counted from the events
-- alone: those known to be a user's at once on the first days of their life, all that are on
-- the outcome days.

{% set definition = behavior_impact_definition() %}
{% set last_day = definition.outcome_days[1] %}
{% set day_of_life = days_between('users.cohort_date', 'events.event_date') %}

with

users as (

    select
        user_id,
        known_at,
        left_at,
        {{ 'signed_up_date' if has_input('users') else 'first_active_date' }} as cohort_date
    from {{ ref('dim_known_users') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

followed as (

    select users.*
    from users
    cross join bounds
    where users.cohort_date >= bounds.data_start_date
        and {{ days_between('users.cohort_date', 'bounds.as_of_date') }} >= {{ last_day }}
        and {{ days_between('users.cohort_date', local_date('users.known_at')) }} < {{ definition.exposure_days }}
        and (
            users.left_at is null
            or {{ days_between('users.cohort_date', local_date('users.left_at')) }} >= {{ definition.exposure_days }}
        )

),

first_days as (

    select
        users.user_id,
        events.event_name,
        count(*) as event_count,
        max(
            case when events.is_activity then {{ day_of_life }} else -1 end
        ) as last_active_day

    from followed as users
    inner join {{ ref('fct_events') }} as events
        on users.user_id = events.known_user_id
        and events.event_time = events.known_at
    where {{ day_of_life }} between 0 and {{ definition.exposure_days - 1 }}
    group by users.user_id, events.event_name

),

at_landmark as (

    select user_id
    from first_days
    group by user_id
    having max(last_active_day) >= {{ definition.landmark_day }}

),

retained as (

    select users.user_id
    from followed as users
    inner join {{ ref('fct_events') }} as events on users.user_id = events.user_id
    where events.is_activity
        and {{ day_of_life }} between {{ definition.outcome_days[0] }} and {{ last_day }}
        and (
            users.left_at is null
            or {{ days_between('users.cohort_date', local_date('users.left_at')) }} > {{ last_day }}
        )
    group by users.user_id

),

done as (

    select
        first_days.event_name,
        first_days.event_count,
        retained.user_id is not null as is_retained

    from first_days
    inner join at_landmark on first_days.user_id = at_landmark.user_id
    left join retained on first_days.user_id = retained.user_id

),

totals as (

    select
        count(*) as users,
        count(retained.user_id) as retained_users

    from at_landmark
    left join retained on at_landmark.user_id = retained.user_id

),

counted as (

    select
        contrasts.event_name,
        contrasts.threshold,
        contrasts.users,
        contrasts.users_with,
        contrasts.retained_with,
        contrasts.retained_with + contrasts.retained_without as retained_users,
        count(case when done.event_count >= contrasts.threshold then 1 end) as counted_with,
        count(
            case when done.event_count >= contrasts.threshold and done.is_retained then 1 end
        ) as counted_retained_with

    from {{ ref('behavior_contrasts') }} as contrasts
    full outer join done on contrasts.event_name = done.event_name
    group by
        contrasts.event_name,
        contrasts.threshold,
        contrasts.users,
        contrasts.users_with,
        contrasts.retained_with,
        contrasts.retained_without

)

select counted.*
from counted
cross join totals
where coalesce(counted.users_with, -1) <> counted.counted_with
    or counted.retained_with <> counted.counted_retained_with
    or counted.users <> totals.users
    or counted.retained_users <> totals.retained_users
