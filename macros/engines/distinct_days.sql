{#
    How many different days are among those of a group, which lie within one month or less:
    a bit for each, as days of no such period share their day of the month.
#}
{% macro distinct_days(date) -%}
    {{- return(adapter.dispatch("distinct_days", "product_analytics")(date)) -}}
{%- endmacro %}

{% macro duckdb__distinct_days(date) -%}
    bit_count(bit_or(cast(1 as bigint) << day({{ date }})))
{%- endmacro %}

{% macro spark__distinct_days(date) -%}
    bit_count(bit_or(shiftleft(cast(1 as bigint), day({{ date }}))))
{%- endmacro %}
