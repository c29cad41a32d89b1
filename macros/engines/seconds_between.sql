{# Elapsed seconds with their fraction; counting boundaries would make 29.9 s a minute. #}
{% macro seconds_between(start_at, end_at) -%}
    {{- return(adapter.dispatch("seconds_between", "product_analytics")(start_at, end_at)) -}}
{%- endmacro %}

{% macro duckdb__seconds_between(start_at, end_at) -%}
    (date_diff('microsecond', {{ start_at }}, {{ end_at }}) / 1e6)
{%- endmacro %}

{% macro spark__seconds_between(start_at, end_at) -%}
    ((unix_micros({{ end_at }}) - unix_micros({{ start_at }})) / 1e6D)
{%- endmacro %}
