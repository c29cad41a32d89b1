{#
    Paths as a table function: the macro paths, written once for each combination of a
    start and an end point, in which the texts and numbers that it was called with are
    then exchanged for parameters. The numbers are read of a CTE that checks them: of a wrong
    one as a constant, DuckDB would conclude that there is nothing to read, nor to check.
#}
{% macro paths_of_function() -%}
    {%- set texts = {'start_point': '<start point>', 'end_point': '<end point>'} -%}
    {#- One less than max_steps is in the macro's SQL as a number, too. -#}
    {%- set max_steps, top_nodes = 987654321, 876543210 -%}
    with

    definition as (

        select
            conditions_of('event_where', given_event_where) as conditions,
            first_instant('date_from', given_date_from) as range_start_at,
            next_instant('date_to', given_date_to) as range_end_at,
            {%- for name in ['max_steps', 'top_nodes'] %}
            case
                when given_{{ name }} >= 1 then given_{{ name }}
                else error(format(
                    '{{ name }}: got {}, allowed are whole numbers from 1',
                    coalesce(cast(given_{{ name }} as varchar), 'NULL')
                ))
            end as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}

    ),

    path_events as (

        select
            found.event_id,
            found.user_id,
            found.session_id,
            case
                when given_node is null then found.event_name
                else property_of(found.properties, given_node)
            end as node,
            found.event_time

        from query_table(given_source) as found
        cross join definition
        where
            found.is_activity
            and conditions_hold(found.properties, definition.conditions)
            and found.event_time >= definition.range_start_at
            and found.event_time < definition.range_end_at

    ),

    transitions as (
    {% for ends in [[], ['start_point'], ['end_point'], ['start_point', 'end_point']] %}
        {%- set query = paths(
            'path_events',
            node='node',
            start_point=texts.start_point if 'start_point' in ends else none,
            end_point=texts.end_point if 'end_point' in ends else none,
            max_steps=max_steps,
            top_nodes=top_nodes
        )
            | replace(max_steps | string, '(select max_steps from definition)')
            | replace((max_steps - 1) | string, '(select max_steps - 1 from definition)')
            | replace(top_nodes | string, '(select top_nodes from definition)')
            | replace(text_literal(texts.start_point), 'given_start_point')
            | replace(text_literal(texts.end_point), 'given_end_point')
        %}
        select * from (
            {{ query | indent(12) }}
        ) as paths_{{ loop.index }}
        where
            given_start_point is {{ 'not ' if 'start_point' in ends }}null
            and given_end_point is {{ 'not ' if 'end_point' in ends }}null
        {{ 'union all' if not loop.last }}
    {%- endfor %}
    )

    select transitions.*
    from transitions
{%- endmacro %}

{% macro paths_function() -%}
    select
        transitions.from_step,
        transitions.from_node,
        transitions.to_step,
        transitions.to_node,
        transitions.transitions,
        transitions.users,
        {{ safe_divide(
            'transitions.transitions',
            'sum(transitions.transitions) over (partition by transitions.from_step, transitions.from_node)'
        ) }} as share_of_from

    from paths_of(
        {{ passed([
            'start_point', 'end_point', 'max_steps', 'top_nodes', 'node', 'date_from', 'date_to',
            'event_where', 'source',
        ]) | indent(8) }}
    ) as transitions
    order by transitions.from_step, transitions.transitions desc, transitions.from_node, transitions.to_node
{%- endmacro %}
