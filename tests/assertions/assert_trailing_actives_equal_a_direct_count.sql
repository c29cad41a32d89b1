-- wau and mau come from interval ends, without a user x day spine; here they are counted
-- the plain way, distinct users over the window, and must be the same.

with

user_days as (

    select * from {{ ref('fct_user_days') }}

),

daily_active as (

    select * from {{ ref('daily_active') }} where segment = 'all'

),

counted as (

    select
        daily_active.activity_date,
        daily_active.dau,
        daily_active.wau,
        daily_active.mau,
        count(
            distinct case
                when user_days.activity_date = daily_active.activity_date then user_days.user_id
            end
        ) as counted_dau,
        count(
            distinct case
                when
                    {{ days_between('user_days.activity_date', 'daily_active.activity_date') }} < 7
                    then user_days.user_id
            end
        ) as counted_wau,
        count(distinct user_days.user_id) as counted_mau

    from daily_active
    left join user_days
        on user_days.activity_date <= daily_active.activity_date
        and user_days.activity_date > {{ add_days('daily_active.activity_date', -28) }}
    group by
        daily_active.activity_date, daily_active.dau, daily_active.wau, daily_active.mau

)

select *
from counted
where dau <> counted_dau
    or wau <> counted_wau
    or mau <> counted_mau
