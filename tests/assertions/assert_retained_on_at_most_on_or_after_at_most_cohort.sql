-- retained <= retained on or after <= cohort, and on or after never rises along a cohort.

with

cells as (

    select
        *,
        lag(retained_on_or_after_users) over (
            partition by period, segment, segment_value, cohort_start order by period_number
        ) as previous_on_or_after_users

    from {{ ref('cohort_retention') }}

)

select *
from cells
where not (
    retained_users <= retained_on_or_after_users
    and retained_on_or_after_users <= cohort_users
    and retained_on_or_after_users <= coalesce(previous_on_or_after_users, cohort_users)
)
