{#
    A column as json_of is to write it. DuckDB's own text is the measure: times as they
    print, numbers as doubles.
#}
{% macro json_value(expression, type) -%}
    {{- return(adapter.dispatch("json_value", "product_analytics")(expression, type)) -}}
{%- endmacro %}

{% macro duckdb__json_value(expression, type) -%}
    {{ expression }}
{%- endmacro %}

{% macro spark__json_value(expression, type) -%}
    {%- if type in ('timestamp', 'timestamp_ntz') -%}
    {{ text_of(expression, type) }}
    {%- elif type == 'float' or type.startswith('decimal') -%}
    cast({{ expression }} as double)
    {%- else -%}
    {{ expression }}
    {%- endif -%}
{%- endmacro %}
