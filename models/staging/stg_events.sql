-- One row per event to model, each of one resolved user, on one clock (UTC).

with

checked_events as (

    select * from {{ ref('base_events_checked') }}

),

final as (

    select
        event_id,
        user_id,
        known_user_id,
        session_id,
        event_name,
        properties,
        is_anonymous,
        is_repeated_row,
        event_time,
        known_at,
        received_at

    from checked_events
    where rejection_reason is null

)

select * from final
