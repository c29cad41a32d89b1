{% macro array_of(elements) -%}
    {{- return(adapter.dispatch("array_of", "product_analytics")(elements)) -}}
{%- endmacro %}

{% macro duckdb__array_of(elements) -%}
    [{{ elements | join(', ') }}]
{%- endmacro %}

{% macro spark__array_of(elements) -%}
    array({{ elements | join(', ') }})
{%- endmacro %}
