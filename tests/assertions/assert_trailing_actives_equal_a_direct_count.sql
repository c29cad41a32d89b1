-- wau and mau come from interval ends, without a user x day spine; here they are counted
-- the plain way, distinct users over the window, and must be the same.

{% set days = untested_periods('daily_active', 'activity_date', 'fct_user_days', days_before=27) %}

with

user_days as (

    select * from {{ ref('fct_user_days') }}

),

daily_active as (

    select *
    from {{ ref('daily_active') }}
    where segment = 'all'
        and {{ is_among('activity_date', days) }}

),

-- Whoever was last active so many days before is in every window that long.
last_days as (

    select
        daily_active.activity_date,
        user_days.user_id,
        {{ days_between('max(user_days.activity_date)', 'daily_active.activity_date') }} as days_ago

    from daily_active
    inner join user_days
        on user_days.activity_date <= daily_active.activity_date
        and user_days.activity_date > {{ add_days('daily_active.activity_date', -28) }}
    group by daily_active.activity_date, user_days.user_id

),

counted as (

    select
        activity_date,
        count(case when days_ago = 0 then 1 end) as dau,
        count(case when days_ago < 7 then 1 end) as wau,
        count(*) as mau

    from last_days
    group by activity_date

)

select
    daily_active.*,
    counted.dau as counted_dau,
    counted.wau as counted_wau,
    counted.mau as counted_mau

from daily_active
left join counted on daily_active.activity_date = counted.activity_date
where daily_active.dau <> coalesce(counted.dau, 0)
    or daily_active.wau <> coalesce(counted.wau, 0)
    or daily_active.mau <> coalesce(counted.mau, 0)
