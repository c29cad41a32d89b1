{#
    SQL of a step {event, where}: the event's name (none: any event), and conditions on
    its properties, all of which must hold. A condition is {property, op, value} with op
    eq (the default), neq, is_set, icontains or not_icontains. A missing property fails
    eq, is_set and icontains, and passes neq and not_icontains.
#}
{% macro condition(step) -%}
    {%- set parts = [] -%}
    {%- if step.event is not none -%}
        {%- do parts.append('event_name = ' ~ text_literal(step.event)) -%}
    {%- endif -%}
    {%- for part in step.get('where') or [] -%}
        {%- do parts.append(property_condition(part)) -%}
    {%- endfor -%}
    {{- parts | join(' and ') if parts else 'true' -}}
{%- endmacro %}

{# A tree of {and: [...]}, {or: [...]} and conditions as SQL. #}
{% macro condition_tree(tree, column) -%}
    {%- for joint in ['and', 'or'] if joint in tree -%}
        {%- set parts = [] -%}
        {%- for branch in tree[joint] -%}
            {%- do parts.append(condition_tree(branch, column)) -%}
        {%- endfor -%}
        {{- return('(' ~ parts | join(' ' ~ joint ~ ' ') ~ ')') -}}
    {%- endfor -%}
    {{- return(property_condition(tree, column)) -}}
{%- endmacro %}

{% macro property_condition(part, column='properties') -%}
    {%- set op = part.get('op', 'eq') -%}
    {%- do require_one_of('op of a condition', op, ['eq', 'neq', 'is_set', 'icontains', 'not_icontains']) -%}
    {%- if not part.get('property') or (op != 'is_set' and 'value' not in part) -%}
        {%- do exceptions.raise_compiler_error(
            'condition: got ' ~ part ~ ', each is {property, op, value}'
        ) -%}
    {%- endif -%}
    {%- set found = property(part.property, column) -%}
    {%- set value = text_literal(part.get('value')) -%}
    {%- if op == 'eq' -%}
        {{- return('coalesce(' ~ found ~ ' = ' ~ value ~ ', false)') -}}
    {%- elif op == 'neq' -%}
        {{- return('coalesce(' ~ found ~ ' <> ' ~ value ~ ', true)') -}}
    {%- elif op == 'is_set' -%}
        {{- return(found ~ ' is not null') -}}
    {%- elif op == 'icontains' -%}
        {{- return('coalesce(contains(lower(' ~ found ~ '), lower(' ~ value ~ ')), false)') -}}
    {%- else -%}
        {{- return('coalesce(not contains(lower(' ~ found ~ '), lower(' ~ value ~ ')), true)') -}}
    {%- endif -%}
{%- endmacro %}
