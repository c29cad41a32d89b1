{#
    Before fct_sessions is changed: which sessions are made again, those with an event that has
    changed or that is gone, and what was supplied of changed users. A temporary table,
    reopened_sessions.
#}
{% macro reopen_sessions() -%}
    {%- do run_query(
        'create or replace temp table reopened_sessions as'
        ~ ' select user_id, session_id from ' ~ ref('fct_events')
        ~ ' where session_id is not null and ' ~ is_changed_row('user_id', 'event_time')
        ~ ' union select user_id, session_id from ' ~ this ~ ' where ' ~ is_changed_row('user_id', 'ended_at')
        ~ ' union select user_id, session_id from ' ~ this ~ ' where is_supplied and ' ~ is_changed_user()
        ~ ' union select user_id, session_id from ' ~ ref('stg_sessions') ~ ' where ' ~ is_changed_user()
    ) -%}
{%- endmacro %}

{# The time from which on the events of these sessions are, a literal. #}
{% macro reopened_from() -%}
    {%- if is_everyone_announced('changed_events') -%}
        {{- return("timestamp '0001-01-01'") -}}
    {%- endif -%}
    {%- set first = run_query(
        'select min(first_at) from ('
        ~ 'select min(first_event_at) as first_at from incremental.changed_events'
        ~ ' union all select min(started_at) from ' ~ this ~ ' where ' ~ is_reopened_session()
        ~ ')'
    ).rows[0][0] -%}
    timestamp '{{ first or '9999-12-31' }}'
{%- endmacro %}

{# A condition on columns user_id and session_id: whether the session is one of them. #}
{% macro is_reopened_session() -%}
    (user_id, session_id) in (select user_id, session_id from reopened_sessions)
{%- endmacro %}
