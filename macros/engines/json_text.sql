{# JSON text of a column that holds an object: as text already, or nested as files have it. #}
{% macro json_text(expression, type) -%}
    {{- return(adapter.dispatch("json_text", "product_analytics")(expression, type)) -}}
{%- endmacro %}

{% macro duckdb__json_text(expression, type) -%}
    {%- if type.startswith(('struct', 'map')) -%}
    cast(to_json({{ expression }}) as string)
    {%- else -%}
    cast({{ expression }} as string)
    {%- endif -%}
{%- endmacro %}

{% macro spark__json_text(expression, type) -%}
    {%- if type.startswith(('struct', 'map')) -%}
    to_json({{ expression }}, map('ignoreNullFields', 'false'))
    {%- else -%}
    cast({{ expression }} as string)
    {%- endif -%}
{%- endmacro %}
