-- One row per event, with its session (as supplied, else by the gap rule).

{{ config(meta={
    'made_with': ['session_timeout_minutes', 'passive_events', 'reporting_timezone'],
    'announces': {'changed_days': ['event_date']},
    'published_by': 'event_date',
}) }}

{% set columns = [
    'event_id', 'user_id', 'known_user_id', 'event_name', 'properties', 'is_anonymous',
    'is_repeated_row', 'event_time', 'known_at', 'received_at',
] %}
{% set events = ref('stg_events') %}
{% if is_increment() %}
{% set events = '(select * from ' ~ events ~ ' where ' ~ is_changed_user() ~ ')' %}
{% endif %}

with

events_in_sessions as (

    {{ sessionize_missing(events, columns) | indent(4) }}

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
