-- Users with each behaviour, and how many of them were active later, counted from the events
-- alone: day 0 is the day of joining, an event counts on the days of its own window.

{% set definition = behavior_impact_definition() %}
{% set last_day = definition.outcome_days[1] %}

with

users as (

    select
        user_id,
        {{ cohort_date() }} as cohort_date
    from {{ ref('dim_users') }}
    where not is_anonymous

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

lives as (

    select
        users.user_id,
        events.event_name,
        events.is_activity,
        {{ days_between('users.cohort_date', 'events.event_date') }} as day_of_life

    from users
    inner join {{ ref('fct_events') }} as events on users.user_id = events.user_id
    cross join bounds
    where users.cohort_date >= bounds.data_start_date
        and {{ days_between('users.cohort_date', 'bounds.as_of_date') }} >= {{ last_day }}

),

outcomes as (

    select
        user_id,
        max(
            case
                when
                    is_activity
                    and day_of_life between {{ definition.outcome_days[0] }} and {{ last_day }}
                    then 1
                else 0
            end
        ) as is_retained

    from lives
    group by user_id
    having count(
        case
            when
                is_activity
                and day_of_life between {{ definition.landmark_day }} and {{ definition.exposure_days - 1 }}
                then 1
        end
    ) > 0

),

done as (

    select
        lives.user_id,
        lives.event_name,
        outcomes.is_retained,
        count(*) as event_count

    from lives
    inner join outcomes on lives.user_id = outcomes.user_id
    where lives.day_of_life between 0 and {{ definition.exposure_days - 1 }}
    group by lives.user_id, lives.event_name, outcomes.is_retained

),

counted as (

    select
        contrasts.event_name,
        contrasts.threshold,
        contrasts.users_with,
        contrasts.retained_with,
        contrasts.users,
        contrasts.retained_with + contrasts.retained_without as retained_users,
        count(case when done.event_count >= contrasts.threshold then 1 end) as counted_with,
        count(
            case when done.event_count >= contrasts.threshold and done.is_retained = 1 then 1 end
        ) as counted_retained_with

    from {{ ref('behavior_contrasts') }} as contrasts
    full outer join done on contrasts.event_name = done.event_name
    group by
        contrasts.event_name,
        contrasts.threshold,
        contrasts.users_with,
        contrasts.retained_with,
        contrasts.users,
        contrasts.retained_with + contrasts.retained_without

),

totals as (

    select
        count(*) as users,
        coalesce(sum(is_retained), 0) as retained_users

    from outcomes

)

select counted.*
from counted
cross join totals
where coalesce(counted.users_with, -1) <> counted.counted_with
    or counted.retained_with <> counted.counted_retained_with
    or counted.users <> totals.users
    or counted.retained_users <> totals.retained_users
