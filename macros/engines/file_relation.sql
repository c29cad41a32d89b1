{# What to select from to read the files of a path or glob. #}
{% macro file_relation(input, path) -%}
    {%- if execute -%}
        {%- set problem = file_function('input_problem', path) -%}
        {%- if problem -%}
            {%- do exceptions.raise_compiler_error("var " ~ input ~ ": " ~ problem) -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(adapter.dispatch('file_relation', 'product_analytics')(path)) -}}
{%- endmacro %}

{% macro duckdb__file_relation(path) -%}
    {%- set literal = text_literal(path) -%}
    {%- if '.parquet' in path -%}
        {{- return('read_parquet(' ~ literal ~ ', union_by_name = true)') -}}
    {%- elif '.csv' in path or '.tsv' in path -%}
        {#- Everything as text: a sniffed type would turn a stray value into an error. -#}
        {{- return('read_csv(' ~ literal ~ ', header = true, all_varchar = true, union_by_name = true)') -}}
    {%- else -%}
        {{- return('read_json(' ~ literal ~ ", format = 'newline_delimited', union_by_name = true, sample_size = -1)") -}}
    {%- endif -%}
{%- endmacro %}

{#
    Spark reads the columns of text files by their place: the files of a glob need the same
    header.
#}
{% macro spark__file_relation(path) -%}
    {%- set relation = "`" ~ path | replace('`', '``') ~ "`" -%}
    {%- if '.parquet' in path -%}
        {{- return('parquet.' ~ relation ~ " with (mergeSchema = 'true')") -}}
    {%- elif '.csv' in path or '.tsv' in path -%}
        {{- return(
            'csv.' ~ relation ~ " with (header = 'true', multiLine = 'true', escape = '\"', enforceSchema = 'false'"
            ~ (", sep = '\\t')" if '.tsv' in path else ')')
        ) -}}
    {%- else -%}
        {{- return('json.' ~ relation) -}}
    {%- endif -%}
{%- endmacro %}
