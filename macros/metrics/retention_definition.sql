{# var retention_periods, checked: {day, week, month: last period_number}, at least one. #}
{% macro retention_definition() -%}
    {%- set given = var('retention_periods') -%}
    {%- do require_keys('var retention_periods', given, ['day', 'week', 'month']) -%}
    {%- if not given -%}
        {%- do exceptions.raise_compiler_error(
            'var retention_periods: got none, allowed are one or more of: day, week, month'
        ) -%}
    {%- endif -%}
    {%- for period, last_period in given.items() -%}
        {%- do require_whole_number('var retention_periods: ' ~ period, last_period, 0) -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}
