-- events_28, active_days_28 and the newest source event of the newest as_of_date, counted
-- again from the events that happened before it and were known to be the user's then.

with

features as (

    select user_features.*
    from {{ ref('user_features') }} as user_features
    inner join {{ ref('as_of_dates') }} as as_of_dates
        on user_features.as_of_date = as_of_dates.as_of_date
    where as_of_dates.is_newest

),

counted as (

    select
        features.user_id,
        count(*) as events_28,
        count(distinct events.event_date) as active_days_28,
        max(events.event_time) as newest_event_at

    from features
    inner join {{ ref('fct_events') }} as events on features.user_id = events.known_user_id
    where events.is_activity
        and events.known_at = events.event_time
        and events.event_time < features.as_of_at
        and events.event_date > {{ add_days('features.as_of_date', -28) }}
    group by features.user_id

)

select
    features.user_id,
    features.events_28,
    counted.events_28 as counted_events_28

from features
left join counted on features.user_id = counted.user_id
where features.events_28 <> coalesce(counted.events_28, 0)
    or features.active_days_28 <> coalesce(counted.active_days_28, 0)
    or features.max_source_event_at <> counted.newest_event_at
