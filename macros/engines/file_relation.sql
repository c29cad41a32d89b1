{# What to select from to read the files of a path or glob. #}
{% macro file_relation(input, path) -%}
    {{- return(adapter.dispatch('file_relation', 'product_analytics')(input, path)) -}}
{%- endmacro %}

{% macro duckdb__file_relation(input, path) -%}
    {%- set literal = "'" ~ path | replace("'", "''") ~ "'" -%}
    {%- if execute -%}
        {%- set problem = run_query("select input_problem(" ~ literal ~ ")").rows[0][0] -%}
        {%- if problem -%}
            {%- do exceptions.raise_compiler_error("var " ~ input ~ ": " ~ problem) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if '.parquet' in path -%}
        {{- return('read_parquet(' ~ literal ~ ', union_by_name = true)') -}}
    {%- elif '.csv' in path or '.tsv' in path -%}
        {#- Everything as text: a sniffed type would turn a stray value into an error. -#}
        {{- return('read_csv(' ~ literal ~ ', header = true, all_varchar = true, union_by_name = true)') -}}
    {%- else -%}
        {{- return('read_json(' ~ literal ~ ", format = 'newline_delimited', union_by_name = true, sample_size = -1)") -}}
    {%- endif -%}
{%- endmacro %}

{% macro spark__file_relation(input, path) -%}
    {%- set kind = 'parquet' if '.parquet' in path else 'csv' if '.csv' in path else 'json' -%}
    {{- return(kind ~ '.`' ~ path ~ '`') -}}
{%- endmacro %}
