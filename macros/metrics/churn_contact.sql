{# Var churn_contact, checked: amounts from 0 up, save_rate a share. #}
{% macro churn_contact() -%}
    {%- set given = var('churn_contact') -%}
    {%- set allowed = ['cost', 'value', 'save_rate'] -%}
    {%- do require_keys('var churn_contact', given, allowed) -%}
    {%- for name in allowed -%}
        {%- set number = given.get(name) -%}
        {%- set is_number = number is integer or number is float -%}
        {%- if not is_number or number < 0 or (name == 'save_rate' and number > 1) -%}
            {%- do exceptions.raise_compiler_error(
                'var churn_contact: ' ~ name ~ ' ' ~ ('is missing' if number is none else "is '" ~ number ~ "'")
                ~ ', allowed are numbers from 0 ' ~ ('to 1' if name == 'save_rate' else 'up')
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}

{# Var churn_training_rows, checked. #}
{% macro churn_training_rows() -%}
    {%- do require_whole_number('var churn_training_rows', var('churn_training_rows'), 1) -%}
    {{- return(var('churn_training_rows')) -}}
{%- endmacro %}
