{# The text of a column, as DuckDB prints it. #}
{% macro text_of(expression, type) -%}
    {{- return(adapter.dispatch("text_of", "product_analytics")(expression, type)) -}}
{%- endmacro %}

{% macro duckdb__text_of(expression, type) -%}
    cast({{ expression }} as string)
{%- endmacro %}

{% macro spark__text_of(expression, type) -%}
    cast({{ expression }} as string){{ " || '+00'" if type == 'timestamp' }}
{%- endmacro %}
