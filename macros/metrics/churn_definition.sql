{#
    var churn, checked: whole numbers of at least 1 (min_tenure_days: 0), and two lists that
    may be left out. segments: those of var segments that the model may use (default: all).
    leaving_events: events that are the leaving itself (default: none), see is_leaving.
#}
{% macro churn_definition() -%}
    {%- set numbers = ['horizon_days', 'active_days', 'min_tenure_days', 'as_of_every_days', 'as_of_dates'] -%}
    {%- set given = var('churn') -%}
    {%- do require_keys('var churn', given, numbers + ['segments', 'leaving_events']) -%}
    {%- for name in numbers -%}
        {%- do require_whole_number(
            'var churn: ' ~ name, given.get(name), 0 if name == 'min_tenure_days' else 1
        ) -%}
    {%- endfor -%}
    {%- set segments = given.get('segments', var('segments')) -%}
    {%- do require_list('var churn: segments', segments, 'names of var segments') -%}
    {%- for segment in segments -%}
        {%- do require_one_of('var churn: segments', segment, var('segments')) -%}
    {%- endfor -%}
    {%- set leaving_events = given.get('leaving_events', []) -%}
    {%- do require_list('var churn: leaving_events', leaving_events, 'names, such as [one, two]') -%}
    {%- for event in leaving_events -%}
        {%- do require_text('var churn: leaving_events: item ' ~ loop.index, event) -%}
    {%- endfor -%}
    {%- set definition = {'segments': segments, 'leaving_events': leaving_events} -%}
    {%- for name in numbers -%}
        {%- do definition.update({name: given[name]}) -%}
    {%- endfor -%}
    {{- return(definition) -}}
{%- endmacro %}

{#
    Whether an event is the leaving itself, as var churn has it. Its user is at no risk
    from then on: who has left is in no features and no labels, whatever they do later.
#}
{% macro is_leaving(event_name='event_name') -%}
    {%- set names = [] -%}
    {%- for event in churn_definition().leaving_events -%}
        {%- do names.append(text_literal(event)) -%}
    {%- endfor -%}
    {{- event_name ~ ' in (' ~ names | join(', ') ~ ')' if names else 'false' -}}
{%- endmacro %}
