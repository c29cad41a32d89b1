-- One row per month x segment x segment_value x from_step x from_event x to_event: how often
-- one event followed another within a session, with the ways in and out.
-- depends_on: {{ ref('fct_sessions') }}

{{ config(meta={
    'made_with': ['paths', 'segments', 'reporting_timezone'],
    'periods': ['month'],
    'counts_paths': true,
}) }}

{% set increments = is_increment() %}
{% set definition = paths_definition() %}

with

events as (

    select * from {{ ref('fct_events') }}
    where is_activity
        {%- if increments %}
        and event_date >= {{ first_day_of_sessions(remade_from('month')) }}
        {%- endif %}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

-- A session belongs to the month in which its first active event lies.
edges as (

    {{ path_edges(
        'events', max_steps=definition.max_steps, top_nodes=definition.top_nodes,
        by={'period_start': period_start('month', local_date('path_started_at'))}
    ) | indent(4) }}

),

user_edges as (

    select
        user_id,
        from_step,
        from_node,
        to_node,
        count(*) as transitions,
        period_start

    from edges
    {%- if increments %}
    where {{ is_remade_period() }}
    {%- endif %}
    group by user_id, from_step, from_node, to_node, period_start

),

user_combinations as (

    {{ user_combinations('user_segments') }}

),

edges_by_combination as (

    select
        user_combinations.combination_id,
        user_edges.from_step,
        user_edges.from_node,
        user_edges.to_node,
        sum(user_edges.transitions) as transitions,
        count(*) as users,
        user_edges.period_start

    from user_edges
    inner join user_combinations on user_edges.user_id = user_combinations.user_id
    group by
        user_combinations.combination_id,
        user_edges.from_step,
        user_edges.from_node,
        user_edges.to_node,
        user_edges.period_start

),

sliced_edges as (

    {{ sliced_counts(
        'edges_by_combination', 'user_segments', ['from_step', 'from_node', 'to_node', 'period_start'],
        ['transitions', 'users']
    ) }}

),

final as (

    select
        segment,
        segment_value,
        from_node as from_event,
        to_node as to_event,
        cast(from_step as bigint) as from_step,
        cast(transitions as bigint) as transitions,
        cast(users as bigint) as users,
        {{ safe_divide(
            'transitions',
            'sum(transitions) over (partition by segment, segment_value, period_start, from_step, from_node)'
        ) }} as share_of_from,
        period_start

    from sliced_edges

)

select * from final
