-- One row per event, with its session (as supplied, else by the gap rule).

{{ config(meta={
    'scope': 'changed_rows',
    'row_time': 'event_time',
    'made_with': ['session_timeout_minutes', 'passive_events', 'reporting_timezone'],
    'announces': {'changed_days': ['event_date']},
    'published_as': 'events',
    'published_by': 'event_date',
    'published_order': 'event_time, event_id',
    'published_columns': [
        'event_id', 'user_id', 'session_id', 'event_name', 'properties', 'is_activity', 'is_anonymous',
        'event_date', 'event_time', 'received_at',
    ],
}) }}

{% set columns = [
    'event_id', 'user_id', 'known_user_id', 'event_name', 'properties', 'is_anonymous',
    'is_repeated_row', 'event_time', 'known_at', 'received_at',
] %}
{% set events = ref('stg_events') %}
{% set increments = is_increment() %}
{% if increments %}
{% set events = '(select * from ' ~ events ~ ' where ' ~ is_announced_user('changed_events', 'user_id') ~ ')' %}
{% endif %}

with

events_in_sessions as (

    {{ sessionize_missing(
        events, columns, where=is_changed_row('events.user_id', 'events.event_time') if increments else none
    ) | indent(4) }}

),

final as (

    select
        event_id,
        user_id,
        known_user_id,
        session_id,
        event_name,
        properties,
        {{ is_activity() }} as is_activity,
        is_anonymous,
        is_repeated_row,
        {{ local_date('event_time') }} as event_date,
        event_time,
        known_at,
        received_at

    from events_in_sessions

)

select * from final
