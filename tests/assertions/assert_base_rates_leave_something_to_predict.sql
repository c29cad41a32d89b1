-- Of the users at risk on a closed as_of_date some came back and some did not. Below 1 % or
-- above 99 % the definition of churn does not fit: a horizon that is too long or too short,
-- or an as_of_date in a season in which nobody is there. Fewer than 100 users say nothing.

{{ config(severity='warn') }}

with

rates as (

    select
        labels.as_of_date,
        count(*) as users,
        avg(case when labels.is_churned then 1.0 else 0.0 end) as base_rate

    from {{ ref('churn_labels') }} as labels
    inner join {{ ref('user_features') }} as features
        on labels.user_id = features.user_id
        and labels.as_of_date = features.as_of_date
    where labels.is_closed
        and features.is_eligible
    group by labels.as_of_date

)

select * from rates
where users >= 100
    and base_rate not between 0.01 and 0.99
