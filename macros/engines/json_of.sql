{# JSON text of a dictionary {key: SQL expression}. #}
{% macro json_of(expressions) -%}
    {{- return(adapter.dispatch("json_of", "product_analytics")(expressions)) -}}
{%- endmacro %}

{% macro duckdb__json_of(expressions) -%}
    {%- if not expressions -%}'{}'{%- else -%}cast(to_json({ {%- for key, expression in expressions.items() %}{{ text_literal(key) }}: {{ expression }}{{ ', ' if not loop.last }}{% endfor -%} }) as varchar){%- endif -%}
{%- endmacro %}

{% macro spark__json_of(expressions) -%}
    {%- if not expressions -%}'{}'{%- else -%}to_json(named_struct({% for key, expression in expressions.items() %}{{ text_literal(key) }}, {{ expression }}{{ ', ' if not loop.last }}{% endfor %}), map('ignoreNullFields', 'false')){%- endif -%}
{%- endmacro %}
