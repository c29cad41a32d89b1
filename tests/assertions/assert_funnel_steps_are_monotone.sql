-- Nobody reaches a required step without the one before; and those who do not go on have
-- either dropped out or still have time.

with

steps as (

    select
        *,
        lag(users) over (
            partition by funnel, segment, segment_value order by step_number
        ) as previous_users,
        lag(matured_users) over (
            partition by funnel, segment, segment_value order by step_number
        ) as previous_matured_users

    from {{ ref('funnel_steps') }}
    where not is_optional

)

select *
from steps
where step_number > 1
    and (
        users > previous_users
        or matured_users > previous_matured_users
        or previous_users <> users + dropped_users + pending_users
    )
