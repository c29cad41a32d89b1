{# var paths, checked. #}
{% macro paths_definition() -%}
    {%- set given = var('paths') -%}
    {%- for key in given -%}
        {%- do require_one_of('key of var paths', key, ['max_steps', 'top_nodes']) -%}
    {%- endfor -%}
    {%- for key in ['max_steps', 'top_nodes'] -%}
        {%- if given.get(key) is not integer or given.get(key) < 1 -%}
            {%- do exceptions.raise_compiler_error(
                'var paths: ' ~ key ~ ' is ' ~ given.get(key) ~ ', allowed are whole numbers from 1'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}
