{# Each stops the build with the argument, what was given and what is allowed. #}
{% macro require_keys(argument, given, allowed) -%}
    {%- if given is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ": got '" ~ given ~ "', allowed is {" ~ allowed | join(', ') ~ '}'
        ) -%}
    {%- endif -%}
    {%- for key in given if key not in allowed -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ " has the key '" ~ key ~ "', allowed are: " ~ allowed | join(', ')
        ) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro require_list(argument, given, of) -%}
    {%- if given is string or given is mapping or given is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ": got '" ~ given ~ "', allowed is a list of " ~ of
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_list_of_text(name) -%}
    {%- do require_list('var ' ~ name, var(name), 'names, such as [one, two]') -%}
    {%- for item in var(name) -%}
        {%- do require_text('var ' ~ name ~ ': item ' ~ loop.index, item) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro require_text(argument, given) -%}
    {%- if given is not string or given | trim == '' -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ' ' ~ ('is missing' if given is none else "is '" ~ given ~ "'")
            ~ ', allowed is a text'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_whole_number(argument, given, least) -%}
    {%- if given is not integer or given < least -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ' ' ~ ('is missing' if given is none else "is '" ~ given ~ "'")
            ~ ', allowed are whole numbers from ' ~ least
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_number(argument, given) -%}
    {%- if not (given is integer or given is float) or given <= 0 -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ " is '" ~ given ~ "', allowed are numbers above 0"
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_fraction(argument, given) -%}
    {%- if not (given is integer or given is float) or given < 0 or given > 1 -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ' ' ~ ('is missing' if given is none else "is '" ~ given ~ "'")
            ~ ', allowed are numbers from 0 to 1'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# `event: null` is any event; leaving event out is a mistake. #}
{% macro require_funnel_step(argument, step) -%}
    {%- do require_keys(argument, step, ['name', 'event', 'where', 'optional']) -%}
    {%- do require_text(argument ~ ': name', step.get('name')) -%}
    {%- if 'event' not in step or step.event is not none -%}
        {%- do require_text(argument ~ ': event', step.get('event')) -%}
    {%- endif -%}
    {%- do require_conditions(argument, step.get('where') or []) -%}
{%- endmacro %}

{% macro require_conditions(argument, conditions) -%}
    {%- do require_list(argument ~ ': where', conditions, '{property, op, value}') -%}
    {%- for given in conditions -%}
        {%- do require_keys(argument ~ ': where', given, ['property', 'op', 'value']) -%}
        {%- do require_text(argument ~ ': property', given.get('property')) -%}
        {%- do property_condition(given) -%}
    {%- endfor -%}
{%- endmacro %}
