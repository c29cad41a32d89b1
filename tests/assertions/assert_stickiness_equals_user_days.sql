-- The power curve against the user days: all of its users are those active in the window,
-- its active days add up to theirs, and at least n is the sum of exactly n and more.

{% set longest_window = var('stickiness_windows') | max %}
{% set dates = untested_periods('stickiness', 'as_of_date', 'fct_user_days', days_before=longest_window - 1) %}

with

user_days as (

    select * from {{ ref('fct_user_days') }}

),

curves as (

    select
        as_of_date,
        window_days,
        sum(users_exact) as users,
        sum(users_exact * active_days) as user_days,
        sum(users_at_least) as user_days_at_least,
        max(active_users) as active_users,
        count(*) as numbers

    from {{ ref('stickiness') }}
    where segment = 'all'
        and {{ is_among('as_of_date', dates) }}
    group by as_of_date, window_days

),

counted as (

    select
        curves.as_of_date,
        curves.window_days,
        count(distinct user_days.user_id) as users,
        count(user_days.user_id) as user_days

    from curves
    left join user_days
        on curves.as_of_date >= user_days.activity_date
        and {{ days_between('user_days.activity_date', 'curves.as_of_date') }} < curves.window_days
    group by curves.as_of_date, curves.window_days

)

select
    curves.*,
    counted.users as counted_users,
    counted.user_days as counted_user_days

from curves
inner join counted
    on curves.as_of_date = counted.as_of_date
    and curves.window_days = counted.window_days
where
    curves.users <> counted.users
    or curves.active_users <> counted.users
    or curves.user_days <> counted.user_days
    or curves.user_days_at_least <> counted.user_days
    or curves.numbers <> curves.window_days
