{# One row per whole number from first to last, both included; no rows where first is the greater. #}
{% macro number_series(first, last) -%}
    {{- return(adapter.dispatch("number_series", "product_analytics")(first, last)) -}}
{%- endmacro %}

{% macro duckdb__number_series(first, last) -%}
    unnest(generate_series({{ first }}, {{ last }}))
{%- endmacro %}

{% macro spark__number_series(first, last) -%}
    {#- A sequence of Spark would count down. #}
    explode(case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) end)
{%- endmacro %}
