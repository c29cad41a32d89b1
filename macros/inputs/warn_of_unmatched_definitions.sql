{# Names the events and segments of the vars that nothing in the data matches. #}
{% macro warn_of_unmatched_definitions() -%}
    {%- for node in graph.nodes.values() if node.name == 'data_quality' -%}
        {%- set found = run_query(
            'select reason from ' ~ node.relation_name
            ~ " where check_name like 'definition without data%' order by reason"
        ) -%}
        {%- for row in found.rows -%}
            {%- do exceptions.warn(row[0]) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
