{% macro array_head(array, length) -%}
    {{- return(adapter.dispatch("array_head", "product_analytics")(array, length)) -}}
{%- endmacro %}

{% macro duckdb__array_head(array, length) -%}
    {{ array }}[1:{{ length }}]
{%- endmacro %}

{% macro spark__array_head(array, length) -%}
    slice({{ array }}, 1, {{ length }})
{%- endmacro %}
