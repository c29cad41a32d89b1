-- Users and events of each feature and month, against a count of the events.

{% set months = untested_periods('feature_usage', 'period_start', 'fct_events', period='month') %}

with

counted as (

    select
        event_name,
        {{ period_start('month', 'event_date') }} as period_start,
        count(*) as events,
        count(distinct user_id) as users

    from {{ ref('fct_events') }}
    where is_activity
        and {{ is_among(period_start('month', 'event_date'), months) }}
    group by event_name, {{ period_start('month', 'event_date') }}

),

feature_usage as (

    select *
    from {{ ref('feature_usage') }}
    where period = 'month'
        and segment = 'all'
        and {{ is_among('period_start', months) }}

)

select
    counted.*,
    feature_usage.users as mart_users

from counted
full outer join feature_usage
    on counted.event_name = feature_usage.event_name
    and counted.period_start = feature_usage.period_start
where coalesce(counted.users, -1) <> coalesce(feature_usage.users, -1)
    or coalesce(counted.events, -1) <> coalesce(feature_usage.events, -1)
