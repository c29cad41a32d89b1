{# A value as a SQL text, as JSON would write it: true, not True. #}
{% macro text_literal(value) -%}
    {%- set text = value | string | lower if value is boolean else value | string -%}
    {{- return(adapter.dispatch("text_literal", "product_analytics")(text)) -}}
{%- endmacro %}

{% macro duckdb__text_literal(text) -%}
    {{- return("'" ~ text | replace("'", "''") ~ "'") -}}
{%- endmacro %}

{% macro spark__text_literal(text) -%}
    {{- return("'" ~ text | replace('\\', '\\\\') | replace("'", "\\'") ~ "'") -}}
{%- endmacro %}
