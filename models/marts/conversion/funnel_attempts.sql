-- One row per funnel x actor x attempt. An attempt starts at each event of step 1; in an
-- unordered funnel, at each event of any step.

{{ config(
    materialized='table' if target.type == 'spark' else 'incremental',
    incremental_strategy='differences',
    on_schema_change='fail',
    meta={
        'made_with': ['conventions', 'reporting_timezone'],
        'scope': 'changed_attempts',
    },
    post_hook=['{{ remember_definition() }}', '{{ remember_funnels() }}', '{{ mature_attempts() }}']
) }}

{% set increments = is_increment() %}
{% set definitions = funnel_definitions() %}
{% set remade = remade_funnels() if increments else [] %}
{% if increments %}{% do tell_of_redefined_funnels() %}{% endif %}

with

{%- if definitions | selectattr('user_where') | list %}

events as (

    select
        events.*,
        users.properties as user_properties

    from {{ ref('fct_events') }} as events
    left join {{ ref('dim_users') }} as users on events.user_id = users.user_id

),
{%- else %}

events as (

    select * from {{ ref('fct_events') }}

),
{%- endif %}

bounds as (

    select * from {{ ref('data_bounds') }}

),

{%- for definition in definitions %}

attempts_{{ loop.index }} as (

    {{ funnel(
        '(select * from events where ' ~ is_changed_user() ~ ')'
            if increments and definition.name not in remade else 'events',
        definition.steps,
        window_seconds=definition.window_seconds,
        order=definition.order,
        strictly_increasing=definition.strictly_increasing,
        exclusions=definition.exclusions,
        count_by=definition.count_by,
        where=definition.where,
        user_where=definition.user_where,
        names_entries=false
    ) }}

),

ranked_{{ loop.index }} as (

    {{ funnel_ranked('attempts_' ~ loop.index, definition.steps) }}

),
{%- endfor %}

all_attempts as (
{% for definition in definitions %}
    select
        {{ text_literal(definition.name) }} as funnel,
        ranked_{{ loop.index }}.*,
        {% if definition.window_seconds is none -%}
        true as is_matured
        {%- else -%}
        {{ add_seconds('ranked_' ~ loop.index ~ '.entered_at', definition.window_seconds) }} <= bounds.data_end as is_matured
        {%- endif %}

    from ranked_{{ loop.index }}
    cross join bounds
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

final as (

    select
        funnel,
        user_id,
        cast(actor_id as {{ dbt.type_string() | lower }}) as actor_id,
        cast(attempt_number as bigint) as attempt_number,
        cast(deepest_step as bigint) as deepest_step,
        step_times,
        is_headline,
        is_first,
        is_matured,
        had_tie,
        ended_by_exclusion,
        {{ local_date('entered_at') }} as entry_date,
        entered_at

    from all_attempts

)

select * from final
