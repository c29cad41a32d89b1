{% macro exact_quantile(expression, fraction) -%}
    {{- return(adapter.dispatch("exact_quantile", "product_analytics")(expression, fraction)) -}}
{%- endmacro %}

{% macro duckdb__exact_quantile(expression, fraction) -%}
    quantile_cont({{ expression }}, {{ fraction }})
{%- endmacro %}

{% macro spark__exact_quantile(expression, fraction) -%}
    percentile({{ expression }}, {{ fraction }})
{%- endmacro %}
