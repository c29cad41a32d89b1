{# One value that orders by several; for min_by and max_by, which would else break ties at random. #}
{% macro ordering_key(expressions) -%}
    {{- return(adapter.dispatch("ordering_key", "product_analytics")(expressions)) -}}
{%- endmacro %}

{% macro duckdb__ordering_key(expressions) -%}
    row({{ expressions | join(', ') }})
{%- endmacro %}

{% macro spark__ordering_key(expressions) -%}
    struct({{ expressions | join(', ') }})
{%- endmacro %}
