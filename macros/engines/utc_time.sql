{# The UTC instant of a wall-clock time in the reporting timezone; the first where the clock shows it twice. #}
{% macro utc_time(timestamp) -%}
    {{- return(adapter.dispatch("utc_time", "product_analytics")(timestamp)) -}}
{%- endmacro %}

{#- DuckDB takes the second; clocks go back by an hour at most where that is midnight. -#}
{% macro duckdb__utc_time(timestamp) -%}
    {%- set last = "timezone('UTC', timezone('" ~ var('reporting_timezone') ~ "', " ~ timestamp ~ '))' -%}
    {%- set hour_before = add_seconds(last, -3600) -%}
    case when {{ local_time(hour_before) }} = {{ timestamp }} then {{ hour_before }} else {{ last }} end
{%- endmacro %}

{% macro spark__utc_time(timestamp) -%}
    to_utc_timestamp({{ timestamp }}, '{{ var('reporting_timezone') }}')
{%- endmacro %}
