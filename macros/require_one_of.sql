{# Stops the build with the argument, what was given and what is allowed. #}
{% macro require_one_of(argument, given, allowed) -%}
    {%- if given not in allowed -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ": got '" ~ given ~ "', allowed are: " ~ allowed | join(', ')
        ) -%}
    {%- endif -%}
{%- endmacro %}
