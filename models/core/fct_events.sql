-- One row per event, with its session (as supplied, else by the gap rule).

{% set columns = [
    'event_id', 'user_id', 'event_name', 'properties', 'is_anonymous', 'is_repeated_row',
    'event_time', 'received_at',
] %}

with

events as (

    select * from {{ ref('stg_events') }}

),

events_with_session as (

    select * from events where session_id is not null

),

events_without_session as (

    select * from events where session_id is null

),

sessionized as (

    {{ sessionize('events_without_session', columns) }}

),

all_events as (

    select
        {{ columns | join(',\n        ') }},
        session_id

    from events_with_session
    union all
    select * from sessionized

),

final as (

    select
        event_id,
        user_id,
        session_id,
        event_name,
        properties,
        {{ is_activity() }} as is_activity,
        is_anonymous,
        is_repeated_row,
        {{ local_date('event_time') }} as event_date,
        event_time,
        received_at

    from all_events

)

select * from final
