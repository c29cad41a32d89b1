-- Day cohorts counted the plain way from users and their active days.

with

users as (

    select
        user_id,
        {{ cohort_date() }} as cohort_date

    from {{ ref('dim_users') }}

),

counted as (

    select
        users.cohort_date,
        {{ days_between('users.cohort_date', 'user_days.activity_date') }} as period_number,
        count(*) as users

    from users
    inner join {{ ref('fct_user_days') }} as user_days
        on users.user_id = user_days.user_id
        and users.cohort_date <= user_days.activity_date
    group by
        users.cohort_date,
        {{ days_between('users.cohort_date', 'user_days.activity_date') }}

)

select
    cells.cohort_start,
    cells.period_number,
    cells.retained_users,
    counted.users

from {{ ref('cohort_retention') }} as cells
left join counted
    on cells.cohort_start = counted.cohort_date
    and cells.period_number = counted.period_number
where cells.period = 'day'
    and cells.segment = 'all'
    and cells.retained_users <> coalesce(counted.users, 0)
