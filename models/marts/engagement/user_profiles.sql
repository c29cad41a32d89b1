-- One row per user.

with

users as (

    select * from {{ ref('dim_users') }}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

days_by_user as (

    select
        user_id,
        count(*) as active_days,
        min(activity_date) as first_active_date,
        max(activity_date) as last_active_date

    from user_days
    group by user_id

),

final as (

    select
        users.user_id,
        cast(coalesce(days_by_user.active_days, 0) as bigint) as active_days,
        users.is_anonymous,
        {{ cohort_date() }} as cohort_date,
        days_by_user.first_active_date,
        days_by_user.last_active_date,
        users.{{ cohort_at() }} as cohort_at,
        users.signed_up_at

    from users
    left join days_by_user on users.user_id = days_by_user.user_id

)

select * from final
