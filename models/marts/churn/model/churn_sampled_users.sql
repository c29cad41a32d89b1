-- One row per user that the churn model learns from, is chosen and is tested on: everyone,
-- or, with more labelled rows than var churn_training_rows, a sample by a hash of user_id.

with

features as (

    select * from {{ ref('user_features') }}

),

labels as (

    select * from {{ ref('churn_labels') }}

),

users as (

    select user_id from features group by user_id

),

sampled as (

    select
        coalesce(
            least(1.0, {{ safe_divide(churn_training_rows(), 'count(case when is_closed then 1 end)') }}), 1.0
        ) as sample_share

    from labels

),

final as (

    select
        users.user_id,
        sampled.sample_share

    from users
    cross join sampled
    where {{ hash_fraction('users.user_id') }} < sampled.sample_share

)

select * from final
