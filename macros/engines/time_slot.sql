{#
    The number of the stretch of so many seconds, all laid end to end, that a timestamp falls
    in. In whole microseconds: at its edges a fraction would be off.
#}
{% macro time_slot(timestamp, seconds) -%}
    {%- set microseconds = [(seconds * 1000000) | int, 1] | max -%}
    {{- return(adapter.dispatch("time_slot", "product_analytics")(timestamp, microseconds)) -}}
{%- endmacro %}

{#- Counted from year 1, as dividing rounds towards zero. -#}
{% macro duckdb__time_slot(timestamp, microseconds) -%}
    (date_diff('microsecond', timestamp '0001-01-01 00:00:00', {{ timestamp }}) // {{ microseconds }})
{%- endmacro %}

{% macro spark__time_slot(timestamp, microseconds) -%}
    ((unix_micros({{ timestamp }}) - unix_micros(timestamp '0001-01-01 00:00:00')) div {{ microseconds }})
{%- endmacro %}
