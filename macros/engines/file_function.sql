{# Calls a function of plugins/warehouse_files.py with a text, gives its text. #}
{% macro file_function(name, argument) -%}
    {{- return(adapter.dispatch('file_function', 'product_analytics')(name, argument)) -}}
{%- endmacro %}

{% macro duckdb__file_function(name, argument) -%}
    {{- return(run_query('select ' ~ name ~ '(' ~ text_literal(argument) ~ ')').rows[0][0]) -}}
{%- endmacro %}

{% macro spark__file_function(name, argument) -%}
    {%- do require_spark_plugin() -%}
    {{- return(adapter.file_function(name, argument)) -}}
{%- endmacro %}

{# Stops a build on Spark whose dbt-spark is as it comes: it runs no Python models. #}
{% macro require_spark_plugin() -%}
    {%- if target.type == 'spark' and adapter.file_function is not defined -%}
        {%- do exceptions.raise_compiler_error(
            'dbt-spark by itself runs no Python models in a session, and this project has some. plugins/spark adds '
            ~ 'that: run `make spark-setup`, or put plugins/spark on PYTHONPATH (docs/spark.md).'
        ) -%}
    {%- endif -%}
{%- endmacro %}
