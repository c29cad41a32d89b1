-- SQL over churn_scorecard gives the probabilities of churn_scores to 1e-9. Boosted trees are
-- no sum of terms: where they are shipped the scorecard says so, and there is nothing to
-- reproduce but the scores of new users.

with

features as (

    select user_features.*
    from {{ ref('user_features') }} as user_features
    inner join {{ ref('as_of_dates') }} as as_of_dates
        on user_features.as_of_date = as_of_dates.as_of_date
    where as_of_dates.is_newest

),

usage as (

    select * from {{ ref('user_event_usage') }}

),

scorecard as (

    select * from {{ ref('churn_scorecard') }}

),

by_sql as (

    {{ scorecard_scores('features', 'usage', 'scorecard') }}

)

select
    churn_scores.user_id,
    churn_scores.churn_probability,
    by_sql.churn_probability as probability_by_sql

from {{ ref('churn_scores') }} as churn_scores
inner join by_sql on churn_scores.user_id = by_sql.user_id
where churn_scores.churn_probability is not null
    and not coalesce(abs(churn_scores.churn_probability - by_sql.churn_probability) <= 1e-9, false)
    and not exists (
        select 1
        from scorecard
        where scorecard.kind = 'no scorecard'
            and scorecard.population = case when churn_scores.is_new_user then 'new' else 'eligible' end
    )
