{#
    The first day of the period that a day falls in. week_start: monday or sunday; by
    default var week_start.
#}
{% macro period_start(period, date, week_start=none) -%}
    {%- do require_one_of('period', period, ['day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ date }}
    {%- elif period == 'week' and first_weekday(week_start) == 'sunday' -%}
    {{ add_days("cast(date_trunc('week', " ~ add_days(date, 1) ~ ") as date)", -1) }}
    {%- else -%}
    cast(date_trunc('{{ period }}', {{ date }}) as date)
    {%- endif -%}
{%- endmacro %}

{# The day on which weeks start, checked. #}
{% macro first_weekday(week_start=none) -%}
    {%- set given = week_start or var('week_start') -%}
    {%- do require_one_of('week_start', given, ['monday', 'sunday']) -%}
    {{- return(given) -}}
{%- endmacro %}
