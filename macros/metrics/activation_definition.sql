{# var activation, checked: {event, where, count, within_days}. #}
{% macro activation_definition() -%}
    {%- set given = var('activation') -%}
    {%- do require_keys('var activation', given, ['event', 'where', 'count', 'within_days']) -%}
    {%- do require_text('var activation: event', given.get('event')) -%}
    {%- do require_whole_number('var activation: count', given.get('count', 1), 1) -%}
    {%- do require_number('var activation: within_days', given.get('within_days', 7)) -%}
    {%- do require_conditions('var activation', given.get('where') or []) -%}
    {{- return({
        'event': given.event,
        'where': given.get('where') or [],
        'count': given.get('count', 1),
        'window_seconds': (given.get('within_days', 7) * 86400) | int,
    }) -}}
{%- endmacro %}
