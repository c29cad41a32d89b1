{#
    The start of the period that begins n periods after the one starting at start: a date,
    for minute and hour a timestamp.
#}
{% macro add_periods(period, start, n) -%}
    {%- do require_one_of('period', period, ['minute', 'hour', 'day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ add_days(start, 'cast(' ~ n ~ ' as integer)') }}
    {%- elif period == 'week' -%}
    {{ add_days(start, '7 * cast(' ~ n ~ ' as integer)') }}
    {%- elif period == 'month' -%}
    {{ months_after(start, 'cast(' ~ n ~ ' as integer)') }}
    {%- else -%}
    {{ add_seconds(start, '(' ~ period_seconds(period) ~ ' * cast(' ~ n ~ ' as integer))') }}
    {%- endif -%}
{%- endmacro %}
