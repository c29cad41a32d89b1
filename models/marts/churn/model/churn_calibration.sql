-- One row per model x split x bin: what was predicted beside what came, in ten bins of equally
-- many rows by predicted probability. Equal probabilities share a bin.

with

predictions as (

    select
        model,
        split,
        user_id,
        churn_probability,
        is_churned

    from {{ ref('churn_test_predictions') }}

),

outcomes as (

    select
        'shipped' as model,
        'earlier scores' as split,
        user_id,
        churn_probability,
        is_churned

    from {{ ref('churn_score_outcomes') }}

),

scored as (

    select * from predictions
    union all
    select * from outcomes

),

binned as (

    select
        *,
        cast(
            floor(
                10.0 * (rank() over (partition by model, split order by churn_probability) - 1)
                / count(*) over (partition by model, split)
            ) as bigint
        ) + 1 as bin

    from scored

),

by_user as (

    select
        model,
        split,
        bin,
        user_id,
        count(*) as user_rows,
        count(case when is_churned then 1 end) as churned_rows,
        min(churn_probability) as probability_low,
        max(churn_probability) as probability_high,
        {{ exact_sum('churn_probability') }} as predicted_rows

    from binned
    group by model, split, bin, user_id

),

by_bin as (

    select
        model,
        split,
        bin,
        count(*) as users,
        sum(user_rows) as rows,
        sum(churned_rows) as churned_rows,
        min(probability_low) as probability_low,
        max(probability_high) as probability_high,
        {{ exact_sum('predicted_rows') }} as predicted_rows,
        {{ clustered_rows('churned_rows', 'user_rows') }} as independent_rows

    from by_user
    group by model, split, bin

),

rated as (

    select
        *,
        {{ safe_divide('churned_rows', 'rows') }} as churned_rate

    from by_bin

),

final as (

    select
        model,
        split,
        bin,
        cast(rows as bigint) as rows,
        cast(users as bigint) as users,
        probability_low,
        probability_high,
        {{ safe_divide('predicted_rows', 'rows') }} as predicted_rate,
        churned_rate,
        {{ wilson_interval('churned_rate * independent_rows', 'independent_rows', 'low') }} as ci_low,
        {{ wilson_interval('churned_rate * independent_rows', 'independent_rows', 'high') }} as ci_high

    from rated

)

select * from final
