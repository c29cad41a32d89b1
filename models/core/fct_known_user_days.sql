-- One row per user per day of activity, of events that were known to be the user's when
-- they happened. Whoever is identified later changes fct_user_days, but nothing here: what
-- is known of a user at the end of a day stays what it was.

{{ config(meta={
    'made_with': ['session_timeout_minutes', 'passive_events', 'reporting_timezone'],
}) }}

{% set increments = is_increment() %}
{% set columns = ['event_id', 'user_id', 'event_name', 'event_time'] %}

with

known_events as (

    select
        event_id,
        known_user_id as user_id,
        session_id,
        event_name,
        event_time

    from {{ ref('stg_events') }}
    where known_at = event_time
        {%- if increments %}
        and {{ is_changed_user('known_user_id') }}
        {%- endif %}

),

events_in_sessions as (

    {{ sessionize_missing('known_events', columns) | indent(4) }}

),

active_events as (

    select
        user_id,
        session_id,
        event_time,
        {{ local_date('event_time') }} as event_date

    from events_in_sessions
    where {{ is_activity() }}

),

days as (

    select
        user_id,
        count(*) as event_count,
        event_date as activity_date,
        max(event_time) as last_event_at

    from active_events
    group by user_id, event_date

),

session_starts as (

    select
        user_id,
        session_id,
        min(event_date) as start_date

    from active_events
    group by user_id, session_id

),

started_sessions as (

    select
        user_id,
        start_date,
        count(*) as session_count

    from session_starts
    group by user_id, start_date

),

final as (

    select
        days.user_id,
        cast(days.event_count as bigint) as event_count,
        cast(coalesce(started_sessions.session_count, 0) as bigint) as started_session_count,
        days.activity_date,
        days.last_event_at

    from days
    left join started_sessions
        on days.user_id = started_sessions.user_id
        and days.activity_date = started_sessions.start_date

)

select * from final
