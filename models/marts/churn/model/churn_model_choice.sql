-- One row per candidate, the simplest first: how it did on the selection dates, whether it
-- is shipped, and why.

with

choice as (

    select * from {{ ref('candidate_choice') }}

),

sampled as (

    select min(sample_share) as sample_share from {{ ref('churn_sampled_users') }}

),

final as (

    select
        choice.model,
        case
            when sampled.sample_share < 1
                then
                    choice.reason
                    || ' All on a sample of users with about {{ churn_training_rows() }} labelled rows.'
            else choice.reason
        end as reason,
        cast(complexity as bigint) as complexity,
        cast(selection_log_loss as double) as selection_log_loss,
        cast(difference_to_best as double) as difference_to_best,
        cast(difference_ci_low as double) as difference_ci_low,
        cast(difference_ci_high as double) as difference_ci_high,
        cast(selection_rows as bigint) as selection_rows,
        cast(is_best as boolean) as is_best,
        cast(is_champion as boolean) as is_champion,
        cast(first_selection_date as date) as first_selection_date,
        cast(last_selection_date as date) as last_selection_date

    from choice
    cross join sampled
    -- Without users there is nothing to ship a model for.
    where sampled.sample_share is not null

)

select * from final
