-- One row per user x as_of_date of user_features: whether they came back within the horizon.

{% set churn = churn_definition() %}

with

features as (

    select * from {{ ref('user_features') }}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

returns as (

    select
        features.user_id,
        features.as_of_date,
        min(user_days.activity_date) as return_date

    from features
    inner join user_days
        on features.user_id = user_days.user_id
        and features.as_of_date < user_days.activity_date
        and {{ add_days('features.as_of_date', churn.horizon_days) }} >= user_days.activity_date
    group by features.user_id, features.as_of_date

),

final as (

    select
        features.user_id,
        cast(
            {{ days_between('features.as_of_date', 'returns.return_date') }} as bigint
        ) as days_to_return,
        case when as_of_dates.is_closed then returns.return_date is null end as is_churned,
        as_of_dates.is_closed,
        features.as_of_date,
        as_of_dates.label_end_date

    from features
    inner join as_of_dates on features.as_of_date = as_of_dates.as_of_date
    left join returns
        on features.user_id = returns.user_id
        and features.as_of_date = returns.as_of_date

)

select * from final
