{# The first day of the period that a day falls in; weeks start on Monday. #}
{% macro period_start(period, date) -%}
    {%- do require_one_of('period', period, ['day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ date }}
    {%- else -%}
    cast(date_trunc('{{ period }}', {{ date }}) as date)
    {%- endif -%}
{%- endmacro %}
