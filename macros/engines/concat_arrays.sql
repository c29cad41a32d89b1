{% macro concat_arrays(arrays) -%}
    {{- return(adapter.dispatch("concat_arrays", "product_analytics")(arrays)) -}}
{%- endmacro %}

{% macro duckdb__concat_arrays(arrays) -%}
    list_concat({{ arrays | join(', ') }})
{%- endmacro %}

{% macro spark__concat_arrays(arrays) -%}
    concat({{ arrays | join(', ') }})
{%- endmacro %}
