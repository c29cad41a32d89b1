{#
    SQL of a step {event, where}: the event's name (none: any event), and conditions on
    its properties, all of which must hold. A condition is {property, op, value} with op
    eq (the default), neq, is_set, icontains or not_icontains. A missing property fails
    eq, is_set and icontains, and passes neq and not_icontains.
#}
{% macro condition(step) -%}
    {%- set parts = [] -%}
    {%- if step.event is not none -%}
        {%- do parts.append("event_name = '" ~ step.event | replace("'", "''") ~ "'") -%}
    {%- endif -%}
    {%- for part in step.get('where') or [] -%}
        {%- do parts.append(property_condition(part)) -%}
    {%- endfor -%}
    {{- parts | join(' and ') if parts else 'true' -}}
{%- endmacro %}

{% macro property_condition(part) -%}
    {%- set op = part.get('op', 'eq') -%}
    {%- do require_one_of('op of a condition', op, ['eq', 'neq', 'is_set', 'icontains', 'not_icontains']) -%}
    {%- if not part.get('property') or (op != 'is_set' and 'value' not in part) -%}
        {%- do exceptions.raise_compiler_error(
            'condition: got ' ~ part ~ ', each is {property, op, value}'
        ) -%}
    {%- endif -%}
    {%- set found = property(part.property) -%}
    {%- set value = "'" ~ part.get('value') | string | replace("'", "''") ~ "'" -%}
    {%- if op == 'eq' -%}
        coalesce({{ found }} = {{ value }}, false)
    {%- elif op == 'neq' -%}
        coalesce({{ found }} <> {{ value }}, true)
    {%- elif op == 'is_set' -%}
        {{ found }} is not null
    {%- elif op == 'icontains' -%}
        coalesce(contains(lower({{ found }}), lower({{ value }})), false)
    {%- else -%}
        coalesce(not contains(lower({{ found }}), lower({{ value }})), true)
    {%- endif -%}
{%- endmacro %}
