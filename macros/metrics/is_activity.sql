{# Whether an event is something that the user did; the one definition of being active. #}
{% macro is_activity(event_name='event_name') -%}
    {%- if var('passive_events') -%}
    {{ event_name }} not in (
        {%- for event in var('passive_events') -%}
        {{ text_literal(event) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
