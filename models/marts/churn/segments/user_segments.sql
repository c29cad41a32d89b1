-- One row per user who was ever active, as of the newest as_of_date: how much they use the
-- product (tier) crossed with what they use it for (behavior_segment).

{% set tiers = var('engagement_tiers') %}

with

users as (

    select * from {{ ref('dim_users') }} where not is_anonymous

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

behavior_segments as (

    select * from {{ ref('behavior_segments') }}

),

activity as (

    select
        user_days.user_id,
        bounds.as_of_date,
        min(user_days.activity_date) as first_activity_date,
        count(
            case
                when {{ days_between('user_days.activity_date', 'bounds.as_of_date') }} < 28 then 1
            end
        ) as active_days_28,
        count(
            case
                when {{ days_between('user_days.activity_date', 'bounds.as_of_date') }} < 84 then 1
            end
        ) as active_days_84

    from user_days
    cross join bounds
    where user_days.activity_date <= bounds.as_of_date
    group by user_days.user_id, bounds.as_of_date

),

tiered as (

    select
        activity.user_id,
        activity.as_of_date,
        activity.active_days_28,
        case
            when activity.active_days_84 = 0 then 'lost'
            when activity.active_days_28 = 0 then 'dormant'
            when
                {{ days_between('activity.first_activity_date', 'activity.as_of_date') }}
                < {{ tiers.new_tenure_days }}
                then 'new'
            when activity.active_days_28 >= {{ tiers.power_days }} then 'power'
            when activity.active_days_28 >= {{ tiers.core_days }} then 'core'
            when activity.active_days_28 >= {{ tiers.casual_days }} then 'casual'
            else 'one-off'
        end as engagement_tier

    from activity
    inner join users on activity.user_id = users.user_id

),

final as (

    select
        tiered.user_id,
        tiered.engagement_tier,
        behavior_segments.behavior_segment,
        case
            when
                behavior_segments.behavior_segment is null
                or behavior_segments.behavior_segment in ('no stable structure', 'too few events')
                then tiered.engagement_tier
            else tiered.engagement_tier || ': ' || behavior_segments.behavior_segment
        end as segment_label,
        cast(tiered.active_days_28 as bigint) as active_days_28,
        tiered.as_of_date

    from tiered
    left join behavior_segments on tiered.user_id = behavior_segments.user_id

)

select * from final
