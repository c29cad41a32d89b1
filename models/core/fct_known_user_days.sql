-- One row per user per day of activity, of events that were known to be the user's when
-- they happened. Whoever is identified later changes fct_user_days, but nothing here: what
-- is known of a user at the end of a day stays what it was.

{{ config(meta={
    'made_with': ['session_timeout_minutes', 'passive_events', 'reporting_timezone'],
    'row_day': 'activity_date',
}) }}

{% set increments = is_increment() %}
{% set columns = ['user_id', 'event_name', 'event_time'] %}
{% set known_events -%}
(
    select
        known_user_id as user_id,
        session_id,
        event_name,
        event_time

    from {{ ref('stg_events') }}
    where known_at = event_time
        {%- if increments %}
        and {{ is_changed_user('known_user_id') }}
        {%- endif %}
)
{%- endset %}

with

events_in_sessions as (

    {{ sessionize_missing(known_events, columns) | indent(4) }}

),

active_session_days as (

    select
        user_id,
        session_id,
        count(*) as event_count,
        {{ local_date('event_time') }} as activity_date,
        max(event_time) as last_event_at

    from events_in_sessions
    where {{ is_activity() }}
    group by user_id, session_id, {{ local_date('event_time') }}

),

days as (

    select
        user_id,
        sum(event_count) as event_count,
        activity_date,
        max(last_event_at) as last_event_at

    from active_session_days
    group by user_id, activity_date

),

session_starts as (

    select
        user_id,
        session_id,
        min(activity_date) as start_date

    from active_session_days
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
