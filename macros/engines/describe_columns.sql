{# The columns of a query as a list of {name, type}, types in lower case. #}
{% macro describe_columns(query) -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- for row in run_query(adapter.dispatch('describe_query', 'product_analytics')(query)) -%}
            {%- do columns.append({'name': row[0], 'type': row[1] | lower}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(columns) -}}
{%- endmacro %}

{% macro duckdb__describe_query(query) -%}
    select column_name, column_type from (describe {{ query }})
{%- endmacro %}

{% macro spark__describe_query(query) -%}
    describe query {{ query }}
{%- endmacro %}
