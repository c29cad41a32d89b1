-- Where do users drop out on the way to activation?
--
-- Each step of each funnel over attempts whose window has closed, for everyone and per
-- segment value: how many of those who reached the step before did not go on, and how long
-- those who did took.

with

steps as (

    select
        *,
        lag(matured_users) over (
            partition by funnel, segment, segment_value order by step_number
        ) as previous_matured_users

    from {{ ref('funnel_steps') }}

),

final as (

    select
        funnel,
        segment,
        segment_value,
        step_number,
        step_name,
        previous_matured_users as reached_step_before,
        previous_matured_users - matured_users as dropped_out,
        {{ safe_divide('(previous_matured_users - matured_users)', 'previous_matured_users') }} as drop_off_rate,
        {{ wilson_interval('(previous_matured_users - matured_users)', 'previous_matured_users', 'low') }} as ci_low,
        {{ wilson_interval('(previous_matured_users - matured_users)', 'previous_matured_users', 'high') }} as ci_high,
        median_seconds_from_previous / 3600 as median_hours_from_previous

    from steps
    where step_number > 1

)

select * from final
order by
    funnel,
    case when segment = 'all' then 0 else 1 end,
    segment,
    segment_value,
    step_number
