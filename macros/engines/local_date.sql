{# The day of a UTC timestamp in the reporting timezone. #}
{% macro local_date(timestamp) -%}
    {%- if var('reporting_timezone') == 'UTC' -%}
    cast({{ timestamp }} as date)
    {%- else -%}
    cast({{ local_time(timestamp) }} as date)
    {%- endif -%}
{%- endmacro %}
