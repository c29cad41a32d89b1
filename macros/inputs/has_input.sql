{# Whether there is a users or a sessions table at all. #}
{% macro has_input(input) -%}
    {{- return(var(input) | string | trim | lower not in ['none', '']) -}}
{%- endmacro %}
