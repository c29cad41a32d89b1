{#
    The start of the period that a UTC timestamp falls in, in the reporting timezone: a
    date, or, for minute and hour, a UTC timestamp. Hours are kept as instants because the
    clock shows one hour twice when summer time ends; they start at the local full hour,
    which in some zones is not a full hour of UTC.
#}
{% macro period_of(period, timestamp, week_start=none) -%}
    {%- do require_one_of('period', period, ['minute', 'hour', 'day', 'week', 'month']) -%}
    {%- if period in ['day', 'week', 'month'] -%}
    {{ period_start(period, local_date(timestamp), week_start) }}
    {%- elif period == 'minute' or var('reporting_timezone') == 'UTC' -%}
    date_trunc('{{ period }}', {{ timestamp }})
    {%- else -%}
    {%- set past_the_hour = '(cast(' ~ seconds_between(timestamp, local_time(timestamp)) ~ ' as integer) % 3600)' -%}
    {{ add_seconds(
        "date_trunc('hour', " ~ add_seconds(timestamp, past_the_hour) ~ ')',
        '(-' ~ past_the_hour ~ ')'
    ) }}
    {%- endif -%}
{%- endmacro %}
