{% macro array_type(element) -%}
    {{- return(adapter.dispatch("array_type", "product_analytics")(element)) -}}
{%- endmacro %}

{% macro duckdb__array_type(element) -%}
    {{ element }}[]
{%- endmacro %}

{% macro spark__array_type(element) -%}
    array<{{ element }}>
{%- endmacro %}
