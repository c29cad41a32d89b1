-- One row per user x as_of_date x model: what each candidate, and what is shipped, would have
-- said on the test dates, and what came of it.

{% set candidates = ['base_rate', 'recency_rule', 'rfm_logistic', 'logistic', 'boosted_trees'] %}

with

predictions as (

    select * from {{ ref('candidate_predictions') }} where split = 'test'

),

choice as (

    select * from {{ ref('churn_model_choice') }} where is_champion

),

by_model as (

    {% for candidate in candidates %}
    select
        user_id,
        '{{ candidate }}' as model,
        {{ candidate }} as churn_probability,
        is_churned,
        is_new_user,
        as_of_date

    from predictions
    union all
    {% endfor %}
    -- New users have a model of their own; where a model could not be learnt, the simpler
    -- ones stand in for it.
    select
        predictions.user_id,
        'shipped' as model,
        coalesce(
            case
                when predictions.is_new_user then predictions.logistic
                {%- for candidate in candidates %}
                when choice.model = '{{ candidate }}' then predictions.{{ candidate }}
                {%- endfor %}
            end,
            predictions.recency_rule,
            predictions.base_rate
        ) as churn_probability,
        predictions.is_churned,
        predictions.is_new_user,
        predictions.as_of_date

    from predictions
    cross join choice

),

final as (

    select
        user_id,
        model,
        case when is_new_user then 'test new users' else 'test' end as split,
        cast(churn_probability as double) as churn_probability,
        cast(is_churned as boolean) as is_churned,
        cast(is_new_user as boolean) as is_new_user,
        cast(as_of_date as date) as as_of_date

    from by_model
    where churn_probability is not null

)

select * from final
