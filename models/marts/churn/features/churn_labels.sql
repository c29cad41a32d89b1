-- One row per user x as_of_date of user_features: whether they came back within the
-- horizon, and when. Nothing after the last complete day is looked at.

{% set churn = churn_definition() %}

with

features as (

    select * from {{ ref('user_features') }}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

users as (

    select * from {{ ref('dim_known_users') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

windows as (

    select
        features.user_id,
        as_of_dates.is_closed,
        as_of_dates.label_end_date,
        as_of_dates.as_of_date,
        least(as_of_dates.label_end_date, bounds.as_of_date) as observed_until_date,
        users.left_at,
        {{ local_date('users.left_at') }} as left_date

    from features
    inner join as_of_dates on features.as_of_date = as_of_dates.as_of_date
    inner join users on features.user_id = users.user_id
    cross join bounds

),

-- What somebody does after they have left is no return.
returns as (

    select
        windows.user_id,
        windows.as_of_date,
        min(user_days.activity_date) as return_date

    from windows
    inner join user_days
        on windows.user_id = user_days.user_id
        and windows.as_of_date < user_days.activity_date
        and windows.observed_until_date >= user_days.activity_date
        and (windows.left_at is null or windows.left_at > user_days.first_event_at)
    group by windows.user_id, windows.as_of_date

),

timed as (

    select
        windows.*,
        returns.return_date,
        case when windows.left_date <= windows.observed_until_date then windows.left_date end as leave_date

    from windows
    left join returns
        on windows.user_id = returns.user_id
        and windows.as_of_date = returns.as_of_date

),

final as (

    select
        user_id,
        cast({{ days_between('as_of_date', 'return_date') }} as bigint) as days_to_return,
        cast({{ days_between('as_of_date', 'leave_date') }} as bigint) as days_to_leave,
        cast({{ days_between('as_of_date', 'observed_until_date') }} as bigint) as days_observed,
        case when is_closed then return_date is null or leave_date is not null end as is_churned,
        is_closed,
        as_of_date,
        label_end_date

    from timed

)

select * from final
