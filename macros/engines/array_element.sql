{# position counts from 1; NULL past the end. #}
{% macro array_element(array, position) -%}
    {{- return(adapter.dispatch("array_element", "product_analytics")(array, position)) -}}
{%- endmacro %}

{% macro duckdb__array_element(array, position) -%}
    {{ array }}[{{ position }}]
{%- endmacro %}

{% macro spark__array_element(array, position) -%}
    try_element_at({{ array }}, {{ position }})
{%- endmacro %}
