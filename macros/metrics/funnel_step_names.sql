{# One row per funnel and step of the definitions: funnel, step_number, step_name. #}
{% macro funnel_step_names(definitions) -%}
    {%- for definition in definitions %}
    {%- set outer_loop = loop %}
    {%- for step in definition.steps %}
    select
        '{{ definition.name | replace("'", "''") }}' as funnel,
        {{ loop.index }} as step_number,
        '{{ step.name | replace("'", "''") }}' as step_name
    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
