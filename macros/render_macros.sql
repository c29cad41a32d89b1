{#
    Renders calls of macros to SQL, for readers outside dbt: tests run the project's own
    definitions on data of theirs without a model per question. Each call is {macro,
    arguments}, all of them as one JSON text (YAML would read some strings differently);
    the SQL of each is logged as JSON, which tests/conformance collects. Nothing is run.
#}
{% macro render_macros(calls) -%}
    {%- for call in fromjson(calls) -%}
        {%- if call.macro not in context -%}
            {%- do exceptions.raise_compiler_error(
                "render_macros: got '" ~ call.macro ~ "', allowed are macros of this project"
            ) -%}
        {%- endif -%}
        {%- set rendered = context[call.macro](**call.arguments) -%}
        {%- do log('rendered:' ~ tojson(rendered | string | trim)) -%}
    {%- endfor -%}
{%- endmacro %}
