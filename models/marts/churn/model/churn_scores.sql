-- One row per user x as_of_date scored: every user active within the last 28 days of it.

with

scored_users as (

    select * from {{ ref('scored_users') }}

),

final as (

    select
        user_id,
        cast(churn_probability as double) as churn_probability,
        cast(risk_decile as bigint) as risk_decile,
        risk_band,
        top_reason_1,
        top_reason_2,
        top_reason_3,
        model_version,
        cast(is_new_user as boolean) as is_new_user,
        cast(as_of_date as date) as as_of_date

    from scored_users

)

select * from final
