{# The value of one property as text; NULL where it is missing or null. #}
{% macro property(name, column='properties') -%}
    {{- return(adapter.dispatch("property", "product_analytics")(name, column)) -}}
{%- endmacro %}

{% macro duckdb__property(name, column='properties') -%}
    json_extract_string({{ column }}, {{ text_literal('$."' ~ name ~ '"') }})
{%- endmacro %}

{% macro spark__property(name, column='properties') -%}
    get_json_object({{ column }}, {{ text_literal("$['" ~ name ~ "']") }})
{%- endmacro %}
