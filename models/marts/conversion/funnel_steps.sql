-- One row per funnel x segment x segment_value x step_number, over each user's headline
-- attempt (the deepest, then the earliest).

{% set definitions = funnel_definitions() %}

with

attempts as (

    select
        attempts.*,
        user_segments.segment,
        user_segments.segment_value

    from {{ ref('funnel_attempts') }} as attempts
    inner join {{ ref('dim_user_segments') }} as user_segments
        on attempts.user_id = user_segments.user_id
    where attempts.is_headline

),

steps as (

    {{ funnel_step_names(definitions) }}

),

definitions as (
{% for definition in definitions %}
    select
        {{ text_literal(definition.name) }} as funnel,
        '{{ definition.order }}' as step_order,
        cast({{ definition.window_seconds if definition.window_seconds is not none else 'null' }} as bigint) as window_seconds
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

counted as (

    {{ funnel_step_counts('attempts', 'steps', ['funnel', 'segment', 'segment_value'], ['funnel']) }}

),

final as (

    select
        counted.funnel,
        counted.segment,
        counted.segment_value,
        cast(step_number as bigint) as step_number,
        step_name,
        definitions.step_order,
        cast(users as bigint) as users,
        {{ safe_divide('users', 'entered_users') }} as conversion_from_start,
        {{ safe_divide('users', 'previous_users') }} as conversion_from_previous,
        cast(dropped_users as bigint) as dropped_users,
        cast(pending_users as bigint) as pending_users,
        cast(matured_entrants as bigint) as matured_entrants,
        cast(matured_users as bigint) as matured_users,
        {{ safe_divide('matured_users', 'matured_entrants') }} as matured_conversion,
        {{ wilson_interval('matured_users', 'matured_entrants', 'low') }} as ci_low,
        {{ wilson_interval('matured_users', 'matured_entrants', 'high') }} as ci_high,
        cast(median_seconds_from_previous as double) as median_seconds_from_previous,
        cast(p25_seconds_from_previous as double) as p25_seconds_from_previous,
        cast(p75_seconds_from_previous as double) as p75_seconds_from_previous,
        cast(p90_seconds_from_previous as double) as p90_seconds_from_previous,
        cast(median_seconds_from_start as double) as median_seconds_from_start,
        definitions.window_seconds,
        is_optional

    from counted
    inner join definitions on counted.funnel = definitions.funnel

)

select * from final
