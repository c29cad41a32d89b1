-- Through k is within on k, and never rises along a cohort; elapsed day k was active on
-- calendar day k or k + 1.

with

cells as (

    select
        *,
        lag(retained_through_users) over (
            partition by period, segment, segment_value, cohort_start order by period_number
        ) as previous_through_users,
        lead(retained_users) over (
            partition by period, segment, segment_value, cohort_start order by period_number
        ) as next_retained_users

    from {{ ref('cohort_retention') }}

)

select *
from cells
where
    retained_through_users > retained_users
    or retained_through_users > coalesce(previous_through_users, cohort_users)
    or (
        period = 'day'
        and retained_elapsed_users > retained_users + coalesce(next_retained_users, cohort_users)
    )
