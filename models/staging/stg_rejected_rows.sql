-- One row per source row that is set aside, with the reason and the row itself.

with

checked_events as (

    select * from {{ ref('base_events_checked') }}

),

checked_users as (

    select * from {{ ref('base_users_checked') }}

),

checked_sessions as (

    select * from {{ ref('base_sessions_checked') }}

),

rejected_events as (

    select
        'events' as source_table,
        rejection_reason,
        user_id,
        {{ json_of({
            'event_id': 'event_id',
            'user_id': 'source_user_id',
            'anonymous_id': 'anonymous_id',
            'session_id': 'session_id',
            'event_name': 'event_name',
            'event_time': 'coalesce(raw_event_time, cast(event_time as string))',
            'received_at': 'cast(received_at as string)',
            'properties': 'properties',
        }) }} as source_row,
        coalesce(event_time, received_at) as row_at

    from checked_events
    where rejection_reason is not null

),

rejected_users as (

    select
        'users' as source_table,
        rejection_reason,
        user_id,
        {{ json_of({
            'user_id': 'user_id',
            'signed_up_at': 'raw_signed_up_at',
            'valid_from': 'raw_valid_from',
            'properties': 'properties',
        }) }} as source_row,
        signed_up_at as row_at

    from checked_users
    where rejection_reason is not null

),

rejected_sessions as (

    select
        'sessions' as source_table,
        rejection_reason,
        user_id,
        {{ json_of({
            'session_id': 'session_id',
            'user_id': 'user_id',
            'started_at': 'raw_started_at',
            'ended_at': 'cast(ended_at as string)',
            'properties': 'properties',
        }) }} as source_row,
        started_at as row_at

    from checked_sessions
    where rejection_reason is not null

),

final as (

    select * from rejected_events
    union all
    select * from rejected_users
    union all
    select * from rejected_sessions

)

select * from final
