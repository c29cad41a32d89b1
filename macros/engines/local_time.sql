{% macro local_time(timestamp) -%}
    {{- return(adapter.dispatch("local_time", "product_analytics")(timestamp)) -}}
{%- endmacro %}

{% macro duckdb__local_time(timestamp) -%}
    timezone('{{ var('reporting_timezone') }}', timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro spark__local_time(timestamp) -%}
    from_utc_timestamp({{ timestamp }}, '{{ var('reporting_timezone') }}')
{%- endmacro %}
