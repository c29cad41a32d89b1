-- One row per user x as_of_date of churn_score_history whose horizon has ended within complete
-- days: what the first score said, and what came.

with

history as (

    select * from {{ ref('churn_score_history') }}

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

scored as (

    select
        *,
        {{ add_days('as_of_date', 'cast(horizon_days as integer)') }} as observed_until_date

    from history

),

closed as (

    select scored.*
    from scored
    cross join bounds
    where scored.observed_until_date <= bounds.as_of_date

),

-- Who is no longer a user of their own, merged or excluded since, has no outcome.
outcomes as (

    {{ returns_and_leaving('closed', 'user_days', 'users') | indent(4) }}

),

final as (

    select
        closed.user_id,
        closed.first_model_version as model_version,
        closed.first_risk_band as risk_band,
        closed.first_churn_probability as churn_probability,
        closed.horizon_days,
        cast({{ days_between('closed.as_of_date', 'outcomes.return_date') }} as bigint) as days_to_return,
        {{ has_churned('outcomes.return_date', 'outcomes.leave_date') }} as is_churned,
        closed.is_new_user,
        closed.as_of_date,
        closed.observed_until_date as label_end_date

    from closed
    inner join outcomes
        on closed.user_id = outcomes.user_id
        and closed.as_of_date = outcomes.as_of_date

)

select * from final
