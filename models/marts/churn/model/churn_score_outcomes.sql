-- One row per user x as_of_date of churn_score_history whose horizon has ended within complete
-- days: what the first score said, and what came.

with

history as (

    select * from {{ ref('churn_score_history') }}

),

users as (

    select * from {{ ref('dim_users') }} where not is_anonymous

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

closed as (

    select
        history.user_id,
        history.first_model_version as model_version,
        history.first_risk_band as risk_band,
        history.first_churn_probability as churn_probability,
        history.horizon_days,
        history.is_new_user,
        history.as_of_date,
        {{ add_days('history.as_of_date', 'cast(history.horizon_days as integer)') }} as label_end_date

    from history
    cross join bounds
    -- Who is no longer a user of their own, merged or excluded since, has no outcome.
    inner join users on history.user_id = users.user_id
    where {{ add_days('history.as_of_date', 'cast(history.horizon_days as integer)') }} <= bounds.as_of_date

),

returns as (

    select
        closed.user_id,
        closed.as_of_date,
        min(user_days.activity_date) as return_date

    from closed
    inner join user_days
        on closed.user_id = user_days.user_id
        and closed.as_of_date < user_days.activity_date
        and closed.label_end_date >= user_days.activity_date
    group by closed.user_id, closed.as_of_date

),

final as (

    select
        closed.user_id,
        closed.model_version,
        closed.risk_band,
        closed.churn_probability,
        closed.horizon_days,
        cast({{ days_between('closed.as_of_date', 'returns.return_date') }} as bigint) as days_to_return,
        returns.return_date is null as is_churned,
        closed.is_new_user,
        closed.as_of_date,
        closed.label_end_date

    from closed
    left join returns
        on closed.user_id = returns.user_id
        and closed.as_of_date = returns.as_of_date

)

select * from final
