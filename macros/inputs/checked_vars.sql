{# Vars that need a check before they are used in SQL. #}
{% macro duplicate_rows() -%}
    {%- do require_one_of('var duplicate_rows', var('duplicate_rows'), ['keep', 'reject']) -%}
    {{- return(var('duplicate_rows')) -}}
{%- endmacro %}

{# UTC timestamp literal up to which the data is loaded; empty where it is not said. #}
{% macro loaded_until() -%}
    {{- return(time_var('loaded_until', 'timestamp', '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?', 'YYYY-MM-DD HH:MM:SS')) -}}
{%- endmacro %}

{# Date literal of the day to report on; empty where the data decides. #}
{% macro as_of_date() -%}
    {{- return(time_var('as_of_date', 'date', '[0-9]{4}-[0-9]{2}-[0-9]{2}', 'YYYY-MM-DD')) -}}
{%- endmacro %}

{% macro time_var(name, type, pattern, allowed) -%}
    {%- set given = var(name) | string | trim -%}
    {%- if given | lower == 'none' -%}
        {{- return('') -}}
    {%- elif not modules.re.fullmatch(pattern, given) -%}
        {%- do exceptions.raise_compiler_error(
            'var ' ~ name ~ ": got '" ~ given ~ "', allowed are: none, or " ~ allowed
        ) -%}
    {%- endif -%}
    {{- return("cast('" ~ given ~ "' as " ~ type ~ ')') -}}
{%- endmacro %}
