{% macro add_seconds(timestamp, seconds) -%}
    {{- return(adapter.dispatch("add_seconds", "product_analytics")(timestamp, seconds)) -}}
{%- endmacro %}

{% macro duckdb__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + {{ seconds }} * interval 1 second)
{%- endmacro %}

{% macro spark__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + make_dt_interval(0, 0, 0, {{ seconds }}))
{%- endmacro %}
