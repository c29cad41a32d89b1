{% macro add_days(date, days) -%}
    {{- return(adapter.dispatch("add_days", "product_analytics")(date, days)) -}}
{%- endmacro %}

{% macro duckdb__add_days(date, days) -%}
    ({{ date }} + {{ days }})
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}
