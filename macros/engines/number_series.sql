{% macro number_series(first, last) -%}
    {{- return(adapter.dispatch("number_series", "product_analytics")(first, last)) -}}
{%- endmacro %}

{% macro duckdb__number_series(first, last) -%}
    unnest(generate_series({{ first }}, {{ last }}))
{%- endmacro %}

{% macro spark__number_series(first, last) -%}
    explode(sequence({{ first }}, {{ last }}))
{%- endmacro %}
