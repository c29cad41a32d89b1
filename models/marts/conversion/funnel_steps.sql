-- One row per funnel x segment x segment_value x step_number, over each user's headline
-- attempt (the longest, then the earliest).

{% set definitions = funnel_definitions() %}

with

attempts as (

    select * from {{ ref('funnel_attempts') }} where is_headline

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

steps as (

    {{ funnel_step_names(definitions) }}

),

attempt_steps as (

    select
        attempts.funnel,
        user_segments.segment,
        user_segments.segment_value,
        steps.step_number,
        steps.step_name,
        attempts.deepest_step >= steps.step_number as is_reached,
        attempts.deepest_step >= steps.step_number - 1 as is_previous_reached,
        attempts.is_matured,
        case
            when attempts.deepest_step >= steps.step_number and steps.step_number > 1
                then {{ seconds_between(
                    array_element('attempts.step_times', 'steps.step_number - 1'),
                    array_element('attempts.step_times', 'steps.step_number')
                ) }}
        end as seconds_from_previous,
        case
            when attempts.deepest_step >= steps.step_number
                then {{ seconds_between(
                    'attempts.entered_at', array_element('attempts.step_times', 'steps.step_number')
                ) }}
        end as seconds_from_start

    from attempts
    inner join steps on attempts.funnel = steps.funnel
    inner join user_segments on attempts.user_id = user_segments.user_id

),

counted as (

    select
        funnel,
        segment,
        segment_value,
        step_number,
        step_name,
        count(case when is_reached then 1 end) as users,
        count(case when is_previous_reached and not is_reached and is_matured then 1 end) as dropped_users,
        count(case when is_previous_reached and not is_reached and not is_matured then 1 end) as pending_users,
        count(case when is_matured then 1 end) as matured_entrants,
        count(case when is_matured and is_reached then 1 end) as matured_users,
        {%- for name, fraction in {'median': 0.5, 'p25': 0.25, 'p75': 0.75, 'p90': 0.9}.items() %}
        {{ exact_quantile('seconds_from_previous', fraction) }} as {{ name }}_seconds_from_previous,
        {%- endfor %}
        {{ exact_quantile('seconds_from_start', 0.5) }} as median_seconds_from_start

    from attempt_steps
    group by funnel, segment, segment_value, step_number, step_name

),

with_neighbours as (

    select
        *,
        first_value(users) over (
            partition by funnel, segment, segment_value order by step_number
        ) as entered_users,
        lag(users) over (
            partition by funnel, segment, segment_value order by step_number
        ) as previous_users

    from counted

),

final as (

    select
        funnel,
        segment,
        segment_value,
        cast(step_number as bigint) as step_number,
        step_name,
        cast(users as bigint) as users,
        {{ safe_divide('users', 'entered_users') }} as conversion_from_start,
        {{ safe_divide('users', 'coalesce(previous_users, users)') }} as conversion_from_previous,
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
        cast(median_seconds_from_start as double) as median_seconds_from_start

    from with_neighbours

)

select * from final
