{# How many periods lie between two period starts (of period_start or period_of). #}
{% macro periods_between(period, first_start, last_start) -%}
    {%- do require_one_of('period', period, ['minute', 'hour', 'day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ days_between(first_start, last_start) }}
    {%- elif period == 'week' -%}
    cast({{ days_between(first_start, last_start) }} / 7 as integer)
    {%- elif period == 'month' -%}
    (
        12 * (extract(year from {{ last_start }}) - extract(year from {{ first_start }}))
        + extract(month from {{ last_start }}) - extract(month from {{ first_start }})
    )
    {%- else -%}
    cast({{ seconds_between(first_start, last_start) }} / {{ period_seconds(period) }} as bigint)
    {%- endif -%}
{%- endmacro %}
