-- Which behaviours go with churn risk?
--
-- Over all as_of dates whose label is known: the share that churned among users who did an
-- event in the 28 days before, beside the share among those who did not, and the mean risk
-- that today's users of it are given. An association: who is about to leave does less of
-- everything, so read the small differences as nothing. new_users_verdict says whether the
-- event goes with staying among new users who are alike in all else (behavior_impact).

with

labels as (

    select churn_labels.*
    from {{ ref('churn_labels') }} as churn_labels
    inner join {{ ref('user_features') }} as user_features
        on churn_labels.user_id = user_features.user_id
        and churn_labels.as_of_date = user_features.as_of_date
    where churn_labels.is_closed
        and user_features.is_eligible

),

totals as (

    select
        count(*) as users,
        count(case when is_churned then 1 end) as churned_users

    from labels

),

behaviors as (

    select
        usage.event_name,
        count(*) as users,
        count(case when labels.is_churned then 1 end) as churned_users

    from {{ ref('user_event_usage') }} as usage
    inner join labels
        on usage.user_id = labels.user_id
        and usage.as_of_date = labels.as_of_date
    group by usage.event_name

),

risk_today as (

    select
        usage.event_name,
        count(*) as users_today,
        avg(churn_scores.churn_probability) as mean_risk_today

    from {{ ref('user_event_usage') }} as usage
    inner join {{ ref('churn_scores') }} as churn_scores
        on usage.user_id = churn_scores.user_id
        and usage.as_of_date = churn_scores.as_of_date
    group by usage.event_name

),

new_users as (

    select
        event_name,
        verdict

    from {{ ref('behavior_impact') }}
    where is_best_threshold

),

final as (

    select
        behaviors.event_name,
        behaviors.users as user_dates,
        {{ safe_divide('behaviors.churned_users', 'behaviors.users') }} as churned_with_rate,
        {{ wilson_interval('behaviors.churned_users', 'behaviors.users', 'low') }} as ci_low,
        {{ wilson_interval('behaviors.churned_users', 'behaviors.users', 'high') }} as ci_high,
        {{ safe_divide(
            '(totals.churned_users - behaviors.churned_users)', '(totals.users - behaviors.users)'
        ) }} as churned_without_rate,
        {{ safe_divide('behaviors.churned_users', 'behaviors.users') }}
        - {{ safe_divide(
            '(totals.churned_users - behaviors.churned_users)', '(totals.users - behaviors.users)'
        ) }} as difference,
        risk_today.users_today,
        risk_today.mean_risk_today,
        new_users.verdict as new_users_verdict

    from behaviors
    cross join totals
    left join risk_today on behaviors.event_name = risk_today.event_name
    left join new_users on behaviors.event_name = new_users.event_name
    where behaviors.users >= 50

)

select * from final
order by difference, event_name
