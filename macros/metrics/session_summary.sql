{#
    One row per session of a user: when it began and ended, how long it was, with which
    event it was entered and left.

    events: relation with event_id, user_id, session_id, event_name, event_time. Of events
    at one instant the lower event_id comes first.
    is_activity: a condition on an event; a session with at most one such event is a bounce.

    ended_at is the time of the last event, so a session of one event lasts 0 seconds.
#}
{% macro session_summary(events, is_activity='true') -%}
    select
        user_id,
        session_id,
        min_by(event_name, {{ ordering_key(['event_time', 'event_id']) }}) as entry_event,
        max_by(event_name, {{ ordering_key(['event_time', 'event_id']) }}) as exit_event,
        count(*) as event_count,
        count(case when {{ is_activity }} then 1 end) as activity_count,
        {{ seconds_between('min(event_time)', 'max(event_time)') }} as duration_seconds,
        count(case when {{ is_activity }} then 1 end) <= 1 as is_bounce,
        min(event_time) as started_at,
        max(event_time) as ended_at

    from {{ events }}
    where session_id is not null
    group by user_id, session_id
{%- endmacro %}

{#
    Sessions (of session_summary) by the period in which they started: how many, of how
    many users, their mean length and bounce rate. period none: all in one row.
#}
{% macro sessions_by_period(sessions, period=none, week_start=none, date_from=none, date_to=none) -%}
    select
        count(*) as sessions,
        count(distinct user_id) as users,
        avg(duration_seconds) as average_seconds,
        avg(event_count) as average_events,
        {{ safe_divide('count(case when is_bounce then 1 end)', 'count(*)') }} as bounce_rate
        {%- if period %},
        {{ period_of(period, 'started_at', week_start) }} as period_start
        {%- endif %}

    from {{ sessions }}
    where {{ in_time_range(date_from, date_to, 'started_at') }}
    {%- if period %}
    group by {{ period_of(period, 'started_at', week_start) }}
    {%- endif %}
{%- endmacro %}

{#
    Sessions by length. edges: rising seconds; the buckets are up to the first, between two
    (the lower one excluded, the higher one included), and above the last.
#}
{% macro session_length_buckets(sessions, edges) -%}
    {%- if not edges or edges != edges | sort -%}
        {%- do exceptions.raise_compiler_error(
            'edges: got ' ~ edges ~ ', allowed is a rising list of seconds'
        ) -%}
    {%- endif -%}
    {%- set lower = [none] + edges -%}
    {%- set upper = edges + [none] -%}
    with

    buckets as (
    {% for edge in upper %}
        select
            {{ loop.index }} as bucket_number,
            cast({{ lower[loop.index0] if lower[loop.index0] is not none else 'null' }} as double) as longer_than_seconds,
            cast({{ edge if edge is not none else 'null' }} as double) as up_to_seconds
        {{- '\n        union all' if not loop.last }}
    {%- endfor %}

    )

    select
        buckets.bucket_number,
        buckets.longer_than_seconds,
        buckets.up_to_seconds,
        count(sessions.user_id) as sessions

    from buckets
    left join {{ sessions }} as sessions
        on (buckets.longer_than_seconds is null or sessions.duration_seconds > buckets.longer_than_seconds)
        and (buckets.up_to_seconds is null or sessions.duration_seconds <= buckets.up_to_seconds)
    group by buckets.bucket_number, buckets.longer_than_seconds, buckets.up_to_seconds
{%- endmacro %}
