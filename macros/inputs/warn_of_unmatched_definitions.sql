{# Names the events and segments of the vars that nothing in the data matches. #}
{% macro warn_of_unmatched_definitions() -%}
    {%- set found = run_query(
        'select reason from ' ~ ref('data_quality') ~ " where check_name like 'definition without data%' order by reason"
    ) -%}
    {%- for row in found.rows -%}
        {%- do exceptions.warn(row[0]) -%}
    {%- endfor -%}
{%- endmacro %}
