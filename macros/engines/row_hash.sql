{# A 64-bit hash of expressions: equal where they are, and nearly never where they are not. #}
{% macro row_hash(expressions) -%}
    {{- return(adapter.dispatch("row_hash", "product_analytics")(expressions)) -}}
{%- endmacro %}

{% macro duckdb__row_hash(expressions) -%}
    hash({{ expressions | join(', ') }})
{%- endmacro %}

{% macro spark__row_hash(expressions) -%}
    xxhash64({{ expressions | join(', ') }})
{%- endmacro %}
