{# UTC timestamp of a text; an offset in it is honoured, without one it is UTC. NULL where it cannot be read. #}
{% macro try_timestamp(text) -%}
    {{- return(adapter.dispatch("try_timestamp", "product_analytics")(text)) -}}
{%- endmacro %}

{% macro duckdb__try_timestamp(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamptz))
{%- endmacro %}

{% macro spark__try_timestamp(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}
