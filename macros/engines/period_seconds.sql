{#
    Length of a period in elapsed time; a month is 30 days, as everyone who counts months
    from a user's own start takes it.
#}
{% macro period_seconds(period) -%}
    {%- set lengths = {'minute': 60, 'hour': 3600, 'day': 86400, 'week': 604800, 'month': 2592000} -%}
    {%- do require_one_of('period', period, lengths.keys()) -%}
    {{- return(lengths[period]) -}}
{%- endmacro %}
