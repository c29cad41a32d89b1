{# How many periods lie between two period starts. #}
{% macro periods_between(period, first_start, last_start) -%}
    {%- do require_one_of('period', period, ['day', 'week', 'month']) -%}
    {%- if period == 'day' -%}
    {{ days_between(first_start, last_start) }}
    {%- elif period == 'week' -%}
    cast({{ days_between(first_start, last_start) }} / 7 as integer)
    {%- else -%}
    (
        12 * (extract(year from {{ last_start }}) - extract(year from {{ first_start }}))
        + extract(month from {{ last_start }}) - extract(month from {{ first_start }})
    )
    {%- endif -%}
{%- endmacro %}
