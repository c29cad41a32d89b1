-- One row per session of a user: as supplied, else from the events' session ids or gaps.

{{ config(meta={
    'scope': 'reopened_sessions',
    'made_with': ['reporting_timezone'],
    'announces': {'changed_sessions': ['start_date']},
}) }}

{% set increments = is_increment() %}
{% if increments %}
{% do reopen_sessions() %}
{% endif %}

with

events as (

    select * from {{ ref('fct_events') }}
    {%- if increments %}
    where event_time >= {{ reopened_from() }}
        and {{ is_reopened_session() }}
    {%- endif %}

),

supplied_sessions as (

    select * from {{ ref('stg_sessions') }}
    {%- if increments %}
    where {{ is_reopened_session() }}
    {%- endif %}

),

event_sessions as (

    {{ session_summary('events', is_activity='is_activity') | indent(4) }}

),

combined as (

    select
        coalesce(event_sessions.user_id, supplied_sessions.user_id) as user_id,
        coalesce(event_sessions.session_id, supplied_sessions.session_id) as session_id,
        event_sessions.entry_event,
        event_sessions.exit_event,
        supplied_sessions.properties,
        coalesce(event_sessions.event_count, 0) as event_count,
        coalesce(event_sessions.activity_count, 0) as activity_count,
        supplied_sessions.session_id is not null as is_supplied,
        least(supplied_sessions.started_at, event_sessions.started_at) as started_at,
        greatest(supplied_sessions.ended_at, event_sessions.ended_at) as ended_at

    from event_sessions
    full outer join supplied_sessions
        on event_sessions.user_id = supplied_sessions.user_id
        and event_sessions.session_id = supplied_sessions.session_id

),

final as (

    select
        user_id,
        session_id,
        entry_event,
        exit_event,
        properties,
        cast(event_count as bigint) as event_count,
        cast(activity_count as bigint) as activity_count,
        cast(
            {{ seconds_between('started_at', 'coalesce(ended_at, started_at)') }} as double
        ) as duration_seconds,
        activity_count <= 1 as is_bounce,
        is_supplied,
        {{ local_date('started_at') }} as start_date,
        started_at,
        coalesce(ended_at, started_at) as ended_at

    from combined

)

select * from final
