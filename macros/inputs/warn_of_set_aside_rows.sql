{#
    Warns where most rows of an input are set aside. Dirt is a few percent; more than half
    is a mistake in how the input is read, such as times in a form that is not known.
#}
{% macro warn_of_set_aside_rows() -%}
    {%- for node in graph.nodes.values() if node.name == 'stg_rejected_rows' -%}
        {%- set found = run_query(
            'select source_table, rejection_reason, count(*) as rows from ' ~ node.relation_name
            ~ ' group by source_table, rejection_reason order by source_table, rows desc, rejection_reason'
        ) -%}
        {%- for input in ['events', 'users', 'sessions'] -%}
            {%- set checked = graph.nodes.values() | selectattr('name', 'equalto', 'base_' ~ input ~ '_checked') | first -%}
            {%- set rows = run_query('select count(*) from ' ~ checked.relation_name).rows[0][0] -%}
            {%- set reasons = found.rows | selectattr(0, 'equalto', input) | list -%}
            {%- set rejected = reasons | sum(attribute=2) -%}
            {%- if rejected * 2 > rows -%}
                {%- set counts = [] -%}
                {%- for reason in reasons -%}
                    {%- do counts.append(reason[1] ~ ' ' ~ reason[2]) -%}
                {%- endfor -%}
                {%- do exceptions.warn(
                    input ~ ': ' ~ rejected ~ ' of ' ~ rows ~ ' rows are set aside ('
                    ~ counts | join(', ') ~ '); see stg_rejected_rows'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
