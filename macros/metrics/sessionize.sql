{#
    Gives every event of a relation a session_id by the gap rule: a gap longer than the
    timeout since the user's previous event starts a session, an equal one does not, and
    midnight never does. The id is the user and the session's first instant, so it stays
    the same when later events arrive. `columns` are those to carry along.
#}
{% macro sessionize(events, columns, timeout_minutes=none) -%}
    {%- set timeout = timeout_minutes if timeout_minutes is not none else var('session_timeout_minutes') -%}
    select
        {{ columns | join(',\n        ') }},
        user_id || '@' || cast(
            max(case when starts_session then event_time end) over (
                partition by user_id
                order by event_time
                range between unbounded preceding and current row
            ) as string
        ) as session_id

    from (
        select
            *,
            coalesce(
                {{ seconds_between(
                    'lag(event_time) over (partition by user_id order by event_time)',
                    'event_time'
                ) }} > {{ timeout * 60 }},
                true
            ) as starts_session

        from {{ events }}
    ) as events_after_gaps
{%- endmacro %}
