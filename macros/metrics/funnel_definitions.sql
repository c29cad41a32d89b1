{# The funnels of the vars, checked: a list of {name, order, window_seconds, steps}. #}
{% macro funnel_definitions() -%}
    {%- set definitions = [] -%}
    {%- set names = [] -%}
    {%- for given in var('funnels') -%}
        {%- set name = given.get('name') or 'number ' ~ loop.index -%}
        {%- do require_one_of("var funnels: order of '" ~ name ~ "'", given.get('order', 'ordered'), ['ordered']) -%}
        {%- if not given.get('name') or not given.get('steps') or name in names -%}
            {%- do exceptions.raise_compiler_error(
                "var funnels: '" ~ name ~ "' needs a name of its own and at least one step"
            ) -%}
        {%- endif -%}
        {%- for key in given if key not in ['name', 'order', 'window_days', 'steps'] -%}
            {%- do exceptions.raise_compiler_error(
                "var funnels: '" ~ name ~ "' has the key '" ~ key
                ~ "', allowed are: name, order, window_days, steps"
            ) -%}
        {%- endfor -%}
        {%- do names.append(name) -%}
        {%- do definitions.append({
            'name': name,
            'order': given.get('order', 'ordered'),
            'window_seconds': (given.get('window_days', 14) * 86400) | int,
            'steps': given.steps,
        }) -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{%- endmacro %}
