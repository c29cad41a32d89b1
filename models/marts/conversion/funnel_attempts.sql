-- One row per funnel x user x attempt; an attempt starts at each event of step 1.

with

events as (

    select * from {{ ref('fct_events') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

{%- for funnel_definition in funnel_definitions() %}

attempts_{{ loop.index }} as (

    {{ funnel('events', funnel_definition.steps, funnel_definition.window_seconds) }}

),
{%- endfor %}

all_attempts as (
{% for funnel_definition in funnel_definitions() %}
    select
        '{{ funnel_definition.name | replace("'", "''") }}' as funnel,
        user_id,
        {{ deepest_step(funnel_definition.steps | length) }} as deepest_step,
        {{ step_times(funnel_definition.steps | length) }} as step_times,
        {{ had_tie(funnel_definition.steps | length) }} as had_tie,
        entry_event_id,
        entered_at,
        {{ add_seconds('entered_at', funnel_definition.window_seconds) }} as window_end_at

    from attempts_{{ loop.index }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

ranked as (

    select
        *,
        row_number() over (
            partition by funnel, user_id order by entered_at, entry_event_id
        ) as attempt_number,
        row_number() over (
            partition by funnel, user_id
            order by deepest_step desc, entered_at, entry_event_id
        ) as depth_rank

    from all_attempts

),

final as (

    select
        ranked.funnel,
        ranked.user_id,
        cast(ranked.attempt_number as bigint) as attempt_number,
        cast(ranked.deepest_step as bigint) as deepest_step,
        ranked.step_times,
        ranked.depth_rank = 1 as is_headline,
        ranked.attempt_number = 1 as is_first,
        ranked.window_end_at <= bounds.data_end as is_matured,
        ranked.had_tie,
        {{ local_date('ranked.entered_at') }} as entry_date,
        ranked.entered_at

    from ranked
    cross join bounds

)

select * from final
