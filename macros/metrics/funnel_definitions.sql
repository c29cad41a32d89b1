{#
    The funnels of the vars, checked and with their defaults: a list of {name, steps, order,
    window_seconds, strictly_increasing, exclusions, count_by, where, user_where}.
#}
{% macro funnel_definitions() -%}
    {%- set keys = [
        'name', 'order', 'window_days', 'steps', 'strictly_increasing', 'exclusions', 'count_by', 'where', 'user_where',
    ] -%}
    {%- set definitions = [] -%}
    {%- set names = [] -%}
    {%- do require_list('var funnels', var('funnels'), '{' ~ keys | join(', ') ~ '}') -%}
    {%- if not var('funnels') -%}
        {%- do exceptions.raise_compiler_error('var funnels: got an empty list, allowed is one funnel or more') -%}
    {%- endif -%}
    {%- for given in var('funnels') -%}
        {%- do require_keys('var funnels: number ' ~ loop.index, given, keys) -%}
        {%- do require_text('var funnels: name of number ' ~ loop.index, given.get('name')) -%}
        {%- set funnel = "var funnels: '" ~ given.name ~ "'" -%}
        {%- if given.name in names -%}
            {%- do exceptions.raise_compiler_error(funnel ~ ' is there twice, each needs a name of its own') -%}
        {%- endif -%}
        {%- do require_one_of(funnel ~ ': order', given.get('order', 'ordered'), ['ordered', 'strict', 'unordered']) -%}
        {%- if given.get('window_days', 14) is not none -%}
            {%- do require_number(funnel ~ ': window_days', given.get('window_days', 14)) -%}
        {%- endif -%}
        {%- if not given.get('steps') -%}
            {%- do exceptions.raise_compiler_error(funnel ~ ' has no steps, allowed is a list of {name, event, where}') -%}
        {%- endif -%}
        {%- do require_list(funnel ~ ': steps', given.steps, '{name, event, where}') -%}
        {%- for step in given.steps -%}
            {%- do require_funnel_step(funnel ~ ': step ' ~ loop.index, step) -%}
        {%- endfor -%}
        {%- set exclusions = given.get('exclusions') or [] -%}
        {%- do require_list(funnel ~ ': exclusions', exclusions, '{event, where, from_step, to_step}') -%}
        {%- for exclusion in exclusions -%}
            {%- do require_keys(funnel ~ ': exclusion ' ~ loop.index, exclusion, ['event', 'where', 'from_step', 'to_step']) -%}
        {%- endfor -%}
        {%- do require_conditions(funnel, given.get('where') or []) -%}
        {%- do names.append(given.name) -%}
        {%- do definitions.append({
            'name': given.name,
            'order': given.get('order', 'ordered'),
            'window_seconds': none if given.get('window_days', 14) is none else (given.get('window_days', 14) * 86400) | int,
            'steps': given.steps,
            'strictly_increasing': given.get('strictly_increasing', convention('tie_rule') == 'strictly_increasing'),
            'exclusions': exclusions,
            'count_by': funnel_actor(funnel, given.get('count_by', 'user')),
            'where': given.get('where') or [],
            'user_where': given.get('user_where'),
        }) -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{%- endmacro %}

{# What an attempt is counted by: the user, the session, or a property of the event. #}
{% macro funnel_actor(funnel, count_by) -%}
    {%- if count_by is mapping and count_by.get('property') -%}
        {{- return(property(count_by.property)) -}}
    {%- endif -%}
    {%- do require_one_of(funnel ~ ': count_by', count_by, ['user', 'session']) -%}
    {{- return("user_id || ' ' || session_id" if count_by == 'session' else 'user_id') -}}
{%- endmacro %}
