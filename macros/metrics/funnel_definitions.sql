{# The funnels of the vars, checked: a list of {name, order, window_seconds, steps}. #}
{% macro funnel_definitions() -%}
    {%- set definitions = [] -%}
    {%- set names = [] -%}
    {%- do require_list('var funnels', var('funnels'), '{name, order, window_days, steps}') -%}
    {%- if not var('funnels') -%}
        {%- do exceptions.raise_compiler_error('var funnels: got an empty list, allowed is one funnel or more') -%}
    {%- endif -%}
    {%- for given in var('funnels') -%}
        {%- do require_keys('var funnels: number ' ~ loop.index, given, ['name', 'order', 'window_days', 'steps']) -%}
        {%- do require_text('var funnels: name of number ' ~ loop.index, given.get('name')) -%}
        {%- set funnel = "var funnels: '" ~ given.name ~ "'" -%}
        {%- if given.name in names -%}
            {%- do exceptions.raise_compiler_error(funnel ~ ' is there twice, each needs a name of its own') -%}
        {%- endif -%}
        {%- do require_one_of(funnel ~ ': order', given.get('order', 'ordered'), ['ordered']) -%}
        {%- do require_number(funnel ~ ': window_days', given.get('window_days', 14)) -%}
        {%- if not given.get('steps') -%}
            {%- do exceptions.raise_compiler_error(funnel ~ ' has no steps, allowed is a list of {name, event, where}') -%}
        {%- endif -%}
        {%- do require_list(funnel ~ ': steps', given.steps, '{name, event, where}') -%}
        {%- for step in given.steps -%}
            {%- do require_funnel_step(funnel ~ ': step ' ~ loop.index, step) -%}
        {%- endfor -%}
        {%- do names.append(given.name) -%}
        {%- do definitions.append({
            'name': given.name,
            'order': given.get('order', 'ordered'),
            'window_seconds': (given.get('window_days', 14) * 86400) | int,
            'steps': given.steps,
        }) -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{%- endmacro %}
