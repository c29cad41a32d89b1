-- One row per user x segment date, of every user ever active by then: how much they use the
-- product (tier) crossed with what they use it for (behavior_segment).

with

segment_dates as (

    select * from {{ ref('segment_dates') }}

),

users as (

    select * from {{ ref('dim_users') }} where not is_anonymous

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

behavior_assignments as (

    select * from {{ ref('behavior_assignments') }}

),

behavior_segments as (

    select behavior_segment_id, behavior_segment
    from {{ ref('segment_centers') }}
    group by behavior_segment_id, behavior_segment

),

first_days as (

    select
        user_days.user_id,
        min(user_days.activity_date) as first_activity_date

    from user_days
    inner join users on user_days.user_id = users.user_id
    group by user_days.user_id

),

users_by_then as (

    select
        first_days.user_id,
        first_days.first_activity_date,
        segment_dates.as_of_date

    from first_days
    inner join segment_dates on first_days.first_activity_date <= segment_dates.as_of_date

),

recent_activity as (

    select
        user_days.user_id,
        segment_dates.as_of_date,
        count(
            case
                when {{ days_between('user_days.activity_date', 'segment_dates.as_of_date') }} < 28 then 1
            end
        ) as active_days_28,
        count(*) as active_days_84

    from user_days
    inner join segment_dates
        on user_days.activity_date <= segment_dates.as_of_date
        and user_days.activity_date > {{ add_days('segment_dates.as_of_date', -84) }}
    group by user_days.user_id, segment_dates.as_of_date

),

counted as (

    select
        users_by_then.*,
        coalesce(recent_activity.active_days_28, 0) as active_days_28,
        coalesce(recent_activity.active_days_84, 0) as active_days_84

    from users_by_then
    left join recent_activity
        on users_by_then.user_id = recent_activity.user_id
        and users_by_then.as_of_date = recent_activity.as_of_date

),

segmented as (

    select
        counted.user_id,
        counted.as_of_date,
        counted.active_days_28,
        {{ engagement_tier(
            'counted.active_days_28',
            'counted.active_days_84',
            days_between('counted.first_activity_date', 'counted.as_of_date')
        ) }} as engagement_tier,
        case
            when counted.active_days_28 > 0 then behavior_assignments.behavior_segment_id
        end as behavior_segment_id,
        case
            when counted.active_days_28 = 0 then null
            when behavior_assignments.behavior_segment_id is not null
                then behavior_segments.behavior_segment
            when behavior_assignments.has_enough_events then 'no stable structure'
            else 'too few events'
        end as behavior_segment

    from counted
    left join behavior_assignments
        on counted.user_id = behavior_assignments.user_id
        and counted.as_of_date = behavior_assignments.as_of_date
    left join behavior_segments
        on behavior_assignments.behavior_segment_id = behavior_segments.behavior_segment_id

),

final as (

    select
        user_id,
        engagement_tier,
        behavior_segment,
        case
            when behavior_segment_id is null then engagement_tier
            else engagement_tier || ': ' || behavior_segment
        end as segment_label,
        behavior_segment_id,
        cast(active_days_28 as bigint) as active_days_28,
        as_of_date

    from segmented

)

select * from final
