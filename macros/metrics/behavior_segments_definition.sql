{# var behavior_segments, checked: whole numbers of at least 1 (smoothing_events: 0). #}
{% macro behavior_segments_definition() -%}
    {%- set allowed = ['min_events', 'smoothing_events', 'sampled_users', 'every_days', 'as_of_dates'] -%}
    {%- set given = var('behavior_segments') -%}
    {%- do require_keys('var behavior_segments', given, allowed) -%}
    {%- for name in allowed -%}
        {%- do require_whole_number(
            'var behavior_segments: ' ~ name, given.get(name), 0 if name == 'smoothing_events' else 1
        ) -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}
