{# The times of a row of funnel as an array, one element per step. #}
{% macro step_times(step_count) -%}
    {%- set times = [] -%}
    {%- for number in range(1, step_count + 1) -%}
        {%- do times.append('step_' ~ number ~ '_at') -%}
    {%- endfor -%}
    {{- array_of(times) -}}
{%- endmacro %}

{# Whether two of its steps fell on one instant, where another tool may count otherwise. #}
{% macro had_tie(step_count) -%}
    {%- set pairs = [] -%}
    {%- for number in range(2, step_count + 1) -%}
        {%- for earlier in range(1, number) -%}
            {%- do pairs.append('coalesce(step_' ~ number ~ '_at = step_' ~ earlier ~ '_at, false)') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- pairs | join(' or ') if pairs else 'false' -}}
{%- endmacro %}
