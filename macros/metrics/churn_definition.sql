{# var churn, checked: whole numbers of at least 1 (min_tenure_days: 0). #}
{% macro churn_definition() -%}
    {%- set allowed = ['horizon_days', 'active_days', 'min_tenure_days', 'as_of_every_days', 'as_of_dates'] -%}
    {%- do require_keys('var churn', var('churn'), allowed) -%}
    {%- for name in allowed -%}
        {%- do require_whole_number(
            'var churn: ' ~ name, var('churn').get(name), 0 if name == 'min_tenure_days' else 1
        ) -%}
    {%- endfor -%}
    {{- return(var('churn')) -}}
{%- endmacro %}
