-- Steps come in order and within the window of their attempt, and each user has one headline
-- and one first attempt per funnel.

{% set definitions = funnel_definitions() %}

with

steps as (

    {{ funnel_step_names(definitions) }}

),

attempts as (

    select
        *,
        case funnel
            {%- for definition in definitions if definition.window_seconds is not none %}
            when {{ text_literal(definition.name) }} then {{ definition.window_seconds }}
            {%- endfor %}
        end as window_seconds

    from {{ ref('funnel_attempts') }}

),

attempt_steps as (

    select
        attempts.funnel,
        attempts.user_id,
        attempts.attempt_number,
        attempts.window_seconds,
        attempts.entered_at,
        {{ array_element('attempts.step_times', 'steps.step_number') }} as reached_at,
        {{ array_element('attempts.step_times', 'coalesce(steps.previous_number, 1)') }} as previous_at

    from attempts
    inner join steps on attempts.funnel = steps.funnel

),

broken_steps as (

    select
        funnel,
        user_id,
        attempt_number

    from attempt_steps
    where reached_at < previous_at
        or (reached_at is not null and previous_at is null)
        or coalesce({{ seconds_between('entered_at', 'reached_at') }} > window_seconds, false)

),

broken_users as (

    select
        funnel,
        user_id,
        cast(null as bigint) as attempt_number

    from attempts
    group by funnel, user_id
    having count(case when is_headline then 1 end) <> 1
        or count(case when is_first then 1 end) <> 1
        {%- if convention('attempt_rule') == 'deepest' %}
        or max(deepest_step) <> max(case when is_headline then deepest_step end)
        {%- endif %}

)

select * from broken_steps
union all
select * from broken_users
