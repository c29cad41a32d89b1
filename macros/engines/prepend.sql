{% macro prepend(element, array) -%}
    {{- return(adapter.dispatch("prepend", "product_analytics")(element, array)) -}}
{%- endmacro %}

{% macro duckdb__prepend(element, array) -%}
    list_prepend({{ element }}, coalesce({{ array }}, []))
{%- endmacro %}

{% macro spark__prepend(element, array) -%}
    array_prepend(coalesce({{ array }}, array()), {{ element }})
{%- endmacro %}
