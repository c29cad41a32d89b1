{# The UTC instant of a wall-clock time in the reporting timezone. #}
{% macro utc_time(timestamp) -%}
    {{- return(adapter.dispatch("utc_time", "product_analytics")(timestamp)) -}}
{%- endmacro %}

{% macro duckdb__utc_time(timestamp) -%}
    timezone('UTC', timezone('{{ var('reporting_timezone') }}', {{ timestamp }}))
{%- endmacro %}

{% macro spark__utc_time(timestamp) -%}
    to_utc_timestamp({{ timestamp }}, '{{ var('reporting_timezone') }}')
{%- endmacro %}
