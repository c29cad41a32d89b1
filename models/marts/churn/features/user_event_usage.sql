-- One row per user x as_of_date x event_name done in the 28 days up to the day.

with

events as (

    select * from {{ ref('fct_events') }} where is_activity and not is_anonymous

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

user_event_days as (

    select
        user_id,
        event_name,
        count(*) as event_count,
        event_date

    from events
    group by user_id, event_name, event_date

),

final as (

    select
        user_event_days.user_id,
        user_event_days.event_name,
        cast(sum(user_event_days.event_count) as bigint) as events_28,
        cast(count(*) as bigint) as active_days_28,
        as_of_dates.as_of_date

    from user_event_days
    inner join as_of_dates
        on user_event_days.event_date <= as_of_dates.as_of_date
        and user_event_days.event_date > {{ add_days('as_of_dates.as_of_date', -28) }}
    group by user_event_days.user_id, user_event_days.event_name, as_of_dates.as_of_date

)

select * from final
