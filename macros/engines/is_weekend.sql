{% macro is_weekend(date) -%}
    {{- return(adapter.dispatch("is_weekend", "product_analytics")(date)) -}}
{%- endmacro %}

{% macro duckdb__is_weekend(date) -%}
    extract(isodow from {{ date }}) >= 6
{%- endmacro %}

{% macro spark__is_weekend(date) -%}
    weekday({{ date }}) >= 5
{%- endmacro %}
