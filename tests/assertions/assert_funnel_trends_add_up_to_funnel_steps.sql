-- Total and trend are group-bys of the same attempts: over the days, weeks or months of entry
-- the counts of each step add up to funnel_steps.

with

summed as (

    select
        funnel,
        period,
        segment,
        segment_value,
        step_number,
        sum(users) as users,
        sum(dropped_users) as dropped_users,
        sum(pending_users) as pending_users,
        sum(matured_users) as matured_users

    from {{ ref('funnel_trends') }}
    group by funnel, period, segment, segment_value, step_number

)

select
    summed.*,
    steps.users as total_users

from summed
full outer join {{ ref('funnel_steps') }} as steps
    on summed.funnel = steps.funnel
    and summed.segment = steps.segment
    and summed.segment_value = steps.segment_value
    and summed.step_number = steps.step_number
where coalesce(summed.users, -1) <> coalesce(steps.users, -1)
    or summed.dropped_users <> steps.dropped_users
    or summed.pending_users <> steps.pending_users
    or summed.matured_users <> steps.matured_users
