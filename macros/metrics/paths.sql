{#
    Transitions between consecutive events of a path, numbered by position: one row per
    from_step x from_node x to_node (and `by`), with how often it was taken and by how many
    users.

    events: relation with event_id, user_id, event_name, properties, event_time, already
    filtered to what is a step, and the path's id (path, `session_id`): a path is the
    events of one user and one such id.
    node: what a step is called, SQL or {property: name}; NULL is called (not set).
    start_point: paths begin at the first such node, others are left out. end_point: they
    end at the first such node (after start_point), others are left out. With end_point and
    no start_point steps are counted back from it: it is step 0.
    max_steps: how many nodes of a path are looked at: the first ones, or with end_point
    alone the last.
    top_nodes: so many nodes, by how often they occur, keep their name; (other) is the rest.
    by: {column: SQL over path_started_at, the time of a path's first event}, to keep apart.

    Every path has one edge from (start) and one to (exit); (earlier) and (continues) stand
    for these where the path goes on outside of what is looked at. So for each node, at
    each step, as much comes in as goes out, and edges into the first nodes are the paths.
    Only edges between two events count for a tool that has no (start) and (exit).
#}
{% macro paths(
    events, node='event_name', path='session_id', start_point=none, end_point=none,
    max_steps=none, top_nodes=none, by={}
) -%}
    with

    path_edges as (

        {{ path_edges(events, node, path, start_point, end_point, max_steps, top_nodes, by) | indent(4) }}

    )

    select
        {%- for column in by %}
        {{ column }},
        {%- endfor %}
        from_step,
        from_node,
        to_step,
        to_node,
        count(*) as transitions,
        count(distinct user_id) as users

    from path_edges
    group by
        {%- for column in by %}
        {{ column }},
        {%- endfor %}
        from_step,
        from_node,
        to_step,
        to_node
{%- endmacro %}

{# The transitions themselves, one row each: the row-level truth of paths. #}
{% macro path_edges(
    events, node='event_name', path='session_id', start_point=none, end_point=none,
    max_steps=none, top_nodes=none, by={}
) -%}
    {%- for name, number in {'max_steps': max_steps, 'top_nodes': top_nodes}.items() -%}
        {%- if number is not none and (number is not integer or number < 1) -%}
            {%- do exceptions.raise_compiler_error(
                name ~ ': got ' ~ number ~ ', allowed are none and whole numbers from 1'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set counts_back = end_point is not none and start_point is none -%}
    {%- set keys = (['user_id', 'path_id'] + by.keys() | list) | join(', ') -%}
    {%- set looks_at_starts = max_steps is not none and start_point is none and end_point is none -%}
    with

    path_events as (

        select
            user_id,
            {{ path }} as path_id,
            coalesce(cast({{ event_expression(node) }} as string), '(not set)') as node,
            event_id,
            event_time

        from {{ events }}
        where {{ path }} is not null

    ),

    path_lengths as (

        select
            user_id,
            path_id,
            count(*) as path_length,
            {%- if looks_at_starts %}
            {{ nth_smallest('event_time', max_steps) }} as last_looked_at,
            {%- endif %}
            min(event_time) as path_started_at

        from path_events
        group by user_id, path_id

    ),

    {% if looks_at_starts -%}
    -- Most events of a long path come after those that are looked at, and need not be sorted.
    {% endif -%}
    path_nodes as (

        select
            path_events.user_id,
            path_events.path_id,
            path_events.node,
            lag(path_events.node) over by_time as previous_node,
            row_number() over by_time as position,
            path_lengths.path_length,
            path_lengths.path_started_at

        from path_events
        inner join path_lengths
            on path_events.user_id = path_lengths.user_id
            and path_events.path_id = path_lengths.path_id
            {%- if looks_at_starts %}
            and path_events.event_time <= path_lengths.last_looked_at
            {%- endif %}
        window by_time as (
            partition by path_events.user_id, path_events.path_id
            order by path_events.event_time, path_events.event_id
        )

    ),

    path_starts as (

        select
            *,
            {%- if start_point is not none %}
            min(case when node = {{ text_literal(start_point) }} then position end) over (
                partition by user_id, path_id
            ) as first_position
            {%- else %}
            1 as first_position
            {%- endif %}

        from path_nodes

    ),

    path_extents as (

        select
            *,
            {%- if end_point is not none %}
            min(
                case
                    when node = {{ text_literal(end_point) }} and position >= first_position then position
                end
            ) over (partition by user_id, path_id) as last_position
            {%- else %}
            path_length as last_position
            {%- endif %}

        from path_starts

    ),

    steps as (

        select
            user_id,
            path_id,
            {%- for column, expression in by.items() %}
            {{ expression }} as {{ column }},
            {%- endfor %}
            node,
            previous_node,
            {%- if counts_back %}
            position - last_position as step,
            position = {{ 'greatest(first_position, last_position - ' ~ (max_steps - 1) ~ ')' if max_steps else 'first_position' }} as is_first,
            position = last_position as is_last,
            {%- else %}
            position - first_position + 1 as step,
            position = first_position as is_first,
            position = {{ 'least(last_position, first_position + ' ~ (max_steps - 1) ~ ')' if max_steps else 'last_position' }} as is_last,
            {%- endif %}
            position = {{ '1' if counts_back else 'first_position' }} as is_path_start,
            position = path_length as is_path_end

        from path_extents
        where
            position between first_position and last_position
            {%- if max_steps and counts_back %}
            and position > last_position - {{ max_steps }}
            {%- elif max_steps %}
            and position < first_position + {{ max_steps }}
            {%- endif %}

    )
    {%- if top_nodes %},

    kept_nodes as (

        select node
        from (
            select
                node,
                row_number() over (order by count(*) desc, node) as node_rank

            from steps
            group by node
        ) as ranked_nodes
        where
            node_rank <= {{ top_nodes }}
            {%- for point in [start_point, end_point] if point is not none %}
            or node = {{ text_literal(point) }}
            {%- endfor %}

    ),

    named_steps as (

        select
            steps.user_id,
            steps.path_id,
            {%- for column in by %}
            steps.{{ column }},
            {%- endfor %}
            coalesce(kept_nodes.node, '(other)') as node,
            coalesce(kept_previous_nodes.node, '(other)') as previous_node,
            steps.step,
            steps.is_first,
            steps.is_last,
            steps.is_path_start,
            steps.is_path_end

        from steps
        left join kept_nodes on steps.node = kept_nodes.node
        left join kept_nodes as kept_previous_nodes on steps.previous_node = kept_previous_nodes.node

    )
    {%- endif %}

    select
        {{ keys }},
        step - 1 as from_step,
        step as to_step,
        case
            when is_first then case when is_path_start then '(start)' else '(earlier)' end
            else previous_node
        end as from_node,
        node as to_node

    from {{ 'named_steps' if top_nodes else 'steps' }}
    union all
    select
        {{ keys }},
        step as from_step,
        step + 1 as to_step,
        node as from_node,
        case when is_path_end then '(exit)' else '(continues)' end as to_node

    from {{ 'named_steps' if top_nodes else 'steps' }}
    where is_last
{%- endmacro %}

{#
    What came before or after each occurrence of an event: one row per sequence, with how
    often it occurred. node_0 is the primary event, node_1 the nearest one, up to
    node_<n_events>; NULL where the user has no further event.

    events: relation with event_id, user_id, event_name, properties, event_time.
    path: what bounds a sequence besides the user, e.g. session_id; none: all their events.
#}
{% macro flows(events, primary_event, direction='after', n_events=5, node='event_name', path=none) -%}
    {%- do require_one_of('direction', direction, ['before', 'after']) -%}
    {%- if n_events is not integer or n_events < 1 -%}
        {%- do exceptions.raise_compiler_error(
            'n_events: got ' ~ n_events ~ ', allowed are whole numbers from 1'
        ) -%}
    {%- endif -%}
    {%- set partition = 'user_id' ~ (', ' ~ path if path else '') -%}
    select
        {%- for number in range(n_events + 1) %}
        node_{{ number }},
        {%- endfor %}
        count(*) as occurrences,
        count(distinct user_id) as users

    from (
        select
            user_id,
            {%- for number in range(1, n_events + 1) %}
            {{ 'lag' if direction == 'before' else 'lead' }}(node, {{ number }}) over (
                partition by {{ partition }} order by event_time, event_id
            ) as node_{{ number }},
            {%- endfor %}
            node as node_0

        from (
            select
                *,
                coalesce(cast({{ event_expression(node) }} as string), '(not set)') as node

            from {{ events }}
        ) as named_events
    ) as sequences
    where node_0 = {{ text_literal(primary_event) }}
    group by
        {%- for number in range(n_events + 1) %}
        node_{{ number }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
