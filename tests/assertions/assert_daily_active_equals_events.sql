-- Events, sessions and DAU of each day, against a count of the events themselves.

{% set days = untested_periods('daily_active', 'activity_date', 'fct_events') %}

with

counted as (

    select
        event_date,
        count(*) as events,
        count(distinct user_id) as users

    from {{ ref('fct_events') }}
    where is_activity
        and {{ is_among('event_date', days) }}
    group by event_date

),

daily_active as (

    select *
    from {{ ref('daily_active') }}
    where segment = 'all'
        and {{ is_among('activity_date', days) }}

)

select
    daily_active.activity_date,
    daily_active.events,
    counted.events as counted_events,
    daily_active.dau,
    counted.users as counted_users

from daily_active
full outer join counted on daily_active.activity_date = counted.event_date
where coalesce(daily_active.events, -1) <> coalesce(counted.events, 0)
    or coalesce(daily_active.dau, -1) <> coalesce(counted.users, 0)
