-- Brackets of days counted the plain way from users and their active days.

with

users as (

    select
        user_id,
        {{ cohort_date() }} as cohort_date

    from {{ ref('dim_users') }}

),

cells as (

    select *
    from {{ ref('retention_brackets') }}
    where period = 'day' and segment = 'all'

),

counted as (

    select
        cells.cohort_start,
        cells.first_period_number,
        cells.last_period_number,
        count(distinct user_days.user_id) as users

    from cells
    inner join users on cells.cohort_start = users.cohort_date
    inner join {{ ref('fct_user_days') }} as user_days
        on users.user_id = user_days.user_id
        and {{ days_between('users.cohort_date', 'user_days.activity_date') }} >= cells.first_period_number
        and {{ days_between('users.cohort_date', 'user_days.activity_date') }} <= cells.last_period_number
    group by cells.cohort_start, cells.first_period_number, cells.last_period_number

)

select
    cells.cohort_start,
    cells.first_period_number,
    cells.last_period_number,
    cells.retained_users,
    counted.users

from cells
left join counted
    on cells.cohort_start = counted.cohort_start
    and cells.first_period_number = counted.first_period_number
    and cells.last_period_number = counted.last_period_number
where cells.retained_users <> coalesce(counted.users, 0)
