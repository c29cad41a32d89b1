{# {segment: SQL of its value} for dim_users; at least one key, so that JSON is valid. #}
{% macro segment_expressions(has_users) -%}
    {%- set expressions = {} -%}
    {%- for segment in var('segments') -%}
        {%- if has_users -%}
            {%- do expressions.update({segment: property(segment, 'users.properties')}) -%}
        {%- else -%}
            {%- do expressions.update({segment: 'event_users.' ~ adapter.quote('segment_' ~ segment)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(expressions) -}}
{%- endmacro %}
