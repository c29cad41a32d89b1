-- Over the whole history each user who was ever active is new exactly once per kind of
-- period, in total and summed over the values of each segment.

with

ever_active as (

    select count(*) as users
    from {{ ref('dim_users') }}
    where first_active_at is not null

),

new_users as (

    select
        period,
        segment,
        sum(new_users) as new_users

    from {{ ref('lifecycle') }}
    group by period, segment

)

select *
from new_users
cross join ever_active
where new_users.new_users <> ever_active.users
