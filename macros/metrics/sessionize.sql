{#
    Gives every event of a relation a session_id. `columns` are those to carry along.

    method `gap`: a gap longer than gap_seconds (var session_timeout_minutes) since the
    user's previous event starts a session, an equal one does not, and midnight never does.
    The id is the user and the session's first instant, so it stays the same when later
    events arrive.
    method `supplied`: supplied_id is SQL or {property: name}. Events without one have no
    session and are left out. dedupe_by: likewise; of events with one value of it the first
    is kept. max_session_seconds: what comes later than that after
    its session's first event is left out (a client that never closes its session).
    method `marker`: each event that matches `marker` (a name or {event, where}) starts a
    session; marker_counted: whether it belongs to it. Events before the first have none.

    Ids of other methods than `supplied` hold the user; two users with one supplied id are
    two sessions.
#}
{% macro sessionize(
    events, columns, method='gap', gap_seconds=none, supplied_id='session_id', dedupe_by=none,
    max_session_seconds=none, marker=none, marker_counted=true
) -%}
    {%- do require_one_of('method of sessionize', method, ['gap', 'supplied', 'marker']) -%}
    {%- if method == 'gap' -%}
    {{ sessionize_by_gap(events, columns, gap_seconds) }}
    {%- elif method == 'supplied' -%}
    {{ sessionize_by_id(
        events, columns, event_expression(supplied_id),
        event_expression(dedupe_by) if dedupe_by else none, max_session_seconds
    ) }}
    {%- else -%}
    {{ sessionize_by_marker(events, columns, marker, marker_counted) }}
    {%- endif -%}
{%- endmacro %}

{#
    Events with the session_id that they were given, those without one with that of the gap rule.
    where: a condition on rows of `events` under this name, of which to give events; the gaps
    are looked for in all.
#}
{% macro sessionize_missing(events, columns, where=none) -%}
    {{ sessionize_by_gap(events, columns, given_id='session_id', where=where) }}
{%- endmacro %}

{#
    Two events in one slot of the timeout's length are always of one session. So gaps are
    looked for between a user's slots, which are far fewer to order than events.

    `events` is read twice and a relation or a subquery, not a CTE: DuckDB would first keep all
    of its rows in memory. given_id: a column; events that have it keep it.
#}
{% macro sessionize_by_gap(events, columns, gap_seconds=none, given_id=none, where=none) -%}
    {%- set timeout = gap_seconds if gap_seconds is not none else var('session_timeout_minutes') * 60 -%}
    with

    active_slots as (

        select
            user_id,
            {{ time_slot('event_time', timeout) }} as slot,
            min(event_time) as first_event_at,
            max(event_time) as last_event_at

        from {{ events }}
        {%- if given_id %}
        where {{ given_id }} is null
        {%- endif %}
        group by user_id, {{ time_slot('event_time', timeout) }}

    ),

    slots_after_gaps as (

        select
            *,
            coalesce(
                {{ seconds_between(
                    'lag(last_event_at) over (partition by user_id order by slot)',
                    'first_event_at'
                ) }} > {{ timeout }},
                true
            ) as starts_session

        from active_slots

    ),

    session_slots as (

        select
            user_id,
            slot,
            user_id || '@' || cast(
                max(case when starts_session then first_event_at end) over (
                    partition by user_id
                    order by slot
                    rows between unbounded preceding and current row
                ) as string
            ) as session_id

        from slots_after_gaps

    )

    select
        {%- for column in columns %}
        events.{{ column }},
        {%- endfor %}
        {{ 'coalesce(events.' ~ given_id ~ ', session_slots.session_id) as session_id' if given_id else 'session_slots.session_id' }}

    from {{ events }} as events
    left join session_slots
        on events.user_id = session_slots.user_id
        and {{ time_slot('events.event_time', timeout) }} = session_slots.slot
    {%- if where %}
    where {{ where }}
    {%- endif %}
{%- endmacro %}

{% macro sessionize_by_id(events, columns, supplied_id, dedupe_by, max_session_seconds) -%}
    select
        {{ columns | join(',\n        ') }},
        supplied_session_id as session_id

    from (
        select
            *,
            min(event_time) over (
                partition by user_id, supplied_session_id
            ) as session_started_at

        from (
            select
                *,
                {{ supplied_id }} as supplied_session_id
                {%- if dedupe_by %},
                {{ dedupe_by }} is null
                or row_number() over (
                    partition by {{ dedupe_by }} order by event_time, event_id
                ) = 1 as is_first_copy
                {%- endif %}

            from {{ events }}
        ) as copies
        where
            supplied_session_id is not null
            {%- if dedupe_by %}
            and is_first_copy
            {%- endif %}
    ) as events_with_session
    {%- if max_session_seconds is not none %}
    where {{ seconds_between('session_started_at', 'event_time') }} <= {{ max_session_seconds }}
    {%- endif %}
{%- endmacro %}

{% macro sessionize_by_marker(events, columns, marker, marker_counted) -%}
    {%- if not marker -%}
        {%- do exceptions.raise_compiler_error(
            'marker of sessionize: got none, allowed are an event name or {event, where}'
        ) -%}
    {%- endif -%}
    select
        {{ columns | join(',\n        ') }},
        user_id || '#' || cast(marker_number as string) as session_id

    from (
        select
            *,
            {{ event_filter(marker) }} as is_marker,
            sum(case when {{ event_filter(marker) }} then 1 else 0 end) over (
                partition by user_id
                order by event_time, event_id
                rows between unbounded preceding and current row
            ) as marker_number

        from {{ events }}
    ) as events_after_markers
    where
        marker_number > 0
        {%- if not marker_counted %}
        and not is_marker
        {%- endif %}
{%- endmacro %}
