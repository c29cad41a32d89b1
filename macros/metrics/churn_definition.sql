{# var churn, checked: whole numbers of at least 1 (min_tenure_days: 0). #}
{% macro churn_definition() -%}
    {%- set allowed = ['horizon_days', 'active_days', 'min_tenure_days', 'as_of_every_days', 'as_of_dates'] -%}
    {%- set given = var('churn') -%}
    {%- for name in given -%}
        {%- do require_one_of('key of var churn', name, allowed) -%}
    {%- endfor -%}
    {%- for name in allowed -%}
        {%- set value = given.get(name) -%}
        {%- if value is not integer or value < (0 if name == 'min_tenure_days' else 1) -%}
            {%- do exceptions.raise_compiler_error(
                'var churn: ' ~ name ~ ' is ' ~ value ~ ', allowed are whole numbers from '
                ~ (0 if name == 'min_tenure_days' else 1)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}
