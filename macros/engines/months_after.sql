{% macro months_after(date, months) -%}
    {{- return(adapter.dispatch("months_after", "product_analytics")(date, months)) -}}
{%- endmacro %}

{% macro duckdb__months_after(date, months) -%}
    cast({{ date }} + {{ months }} * interval 1 month as date)
{%- endmacro %}

{% macro spark__months_after(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}
