{#
    {segment: SQL of its value} for dim_users: as the users table says, else the first one
    that an event of the user carries, so that visitors without a row there have one too.
#}
{% macro segment_expressions() -%}
    {%- set expressions = {} -%}
    {%- for segment in var('segments') -%}
        {%- set of_events = 'event_users.' ~ adapter.quote('segment_' ~ segment) -%}
        {%- do expressions.update({
            segment: 'coalesce(' ~ property(segment, 'users.properties') ~ ', ' ~ of_events ~ ')'
        }) -%}
    {%- endfor -%}
    {{- return(expressions) -}}
{%- endmacro %}
