{# The first day of the period that starts n periods after the one starting on a date. #}
{% macro add_periods(period, date, n) -%}
    {%- do require_one_of('period', period, ['day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ add_days(date, 'cast(' ~ n ~ ' as integer)') }}
    {%- elif period == 'week' -%}
    {{ add_days(date, '7 * cast(' ~ n ~ ' as integer)') }}
    {%- else -%}
    {{ months_after(date, 'cast(' ~ n ~ ' as integer)') }}
    {%- endif -%}
{%- endmacro %}
