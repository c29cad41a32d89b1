{# The UTC instant at which a day starts in the reporting timezone. #}
{% macro day_start(date) -%}
    {%- if var('reporting_timezone') == 'UTC' -%}
    cast({{ date }} as timestamp)
    {%- else -%}
    {{ utc_time('cast(' ~ date ~ ' as timestamp)') }}
    {%- endif -%}
{%- endmacro %}
