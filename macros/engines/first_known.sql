{# The first value that is not NULL, of a window; its over clause follows. #}
{% macro first_known(expression) -%}
    {{- return(adapter.dispatch("first_known", "product_analytics")(expression)) -}}
{%- endmacro %}

{% macro duckdb__first_known(expression) -%}
    first_value({{ expression }} ignore nulls)
{%- endmacro %}

{% macro spark__first_known(expression) -%}
    first_value({{ expression }}, true)
{%- endmacro %}
