{#
    Before fct_sessions is changed: which sessions are made again, those with an event that has
    changed or that is gone. A temporary table, reopened_sessions.
#}
{% macro reopen_sessions() -%}
    {%- set of_whom_all_has_changed = is_changed_row('user_id', "timestamp '0001-01-01'") -%}
    {%- do run_query(
        'create or replace temp table reopened_sessions as'
        ~ ' select user_id, session_id from ' ~ ref('fct_events')
        ~ ' where session_id is not null and ' ~ is_changed_row('user_id', 'event_time')
        ~ ' union select user_id, session_id from ' ~ this ~ ' where ' ~ is_changed_row('user_id', 'ended_at')
        ~ ' union select user_id, session_id from ' ~ ref('stg_sessions') ~ ' where ' ~ of_whom_all_has_changed
    ) -%}
{%- endmacro %}

{# A condition on columns user_id and session_id: whether the session is one of them. #}
{% macro is_reopened_session() -%}
    (user_id, session_id) in (select user_id, session_id from reopened_sessions)
{%- endmacro %}
