-- Everyone of user_features on the newest as_of_date has a score, and nobody else has.

with

to_score as (

    select user_features.user_id
    from {{ ref('user_features') }} as user_features
    inner join {{ ref('as_of_dates') }} as as_of_dates
        on user_features.as_of_date = as_of_dates.as_of_date
    where as_of_dates.is_newest

)

select
    to_score.user_id,
    churn_scores.user_id as scored_user_id

from to_score
full outer join {{ ref('churn_scores') }} as churn_scores
    on to_score.user_id = churn_scores.user_id
where to_score.user_id is null
    or churn_scores.user_id is null
