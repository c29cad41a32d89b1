-- Every identified user who was ever active by the as_of_date has exactly one tier.

with

expected as (

    select count(*) as users
    from {{ ref('dim_users') }} as users
    cross join {{ ref('data_bounds') }} as bounds
    where not users.is_anonymous
        and {{ local_date('users.first_active_at') }} <= bounds.as_of_date

),

found as (

    select count(*) as users
    from {{ ref('user_segments') }}

)

select
    expected.users,
    found.users as found_users

from expected
cross join found
where expected.users <> found.users
