{#
    One row per funnel and step of the definitions: funnel, step_number, step_name,
    previous_number (the required step before it), is_optional.
#}
{% macro funnel_step_names(definitions) -%}
    {%- for definition in definitions %}
    {%- set outer_loop = loop %}
    {%- set previous = namespace(number=none) %}
    {%- for step in definition.steps %}
    select
        {{ text_literal(definition.name) }} as funnel,
        {{ loop.index }} as step_number,
        {{ text_literal(step.get('name') or step.event or 'any event') }} as step_name,
        cast({{ previous.number or 'null' }} as integer) as previous_number,
        {{ 'true' if step.get('optional') else 'false' }} as is_optional
    {%- if not step.get('optional') %}{% set previous.number = loop.index %}{% endif %}
    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
