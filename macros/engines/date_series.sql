{# One row per day from start to end, both included; for a select list. No rows where a bound is NULL or the start is later. #}
{% macro date_series(start_date, end_date) -%}
    {{- return(adapter.dispatch("date_series", "product_analytics")(start_date, end_date)) -}}
{%- endmacro %}

{% macro duckdb__date_series(start_date, end_date) -%}
    cast(unnest(generate_series({{ start_date }}, {{ end_date }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__date_series(start_date, end_date) -%}
    explode(case when {{ start_date }} <= {{ end_date }} then sequence({{ start_date }}, {{ end_date }}, interval 1 day) end)
{%- endmacro %}
