-- One row per segment date x engagement tier x behaviour segment, `all` included on both:
-- how many of its users were active within the churn horizon after the date.

{% set churn = churn_definition() %}
{% set retained = 'case when segment_dates.is_closed then counted.later_active_users end' %}

with

segment_dates as (

    select * from {{ ref('segment_dates') }}

),

user_segments as (

    select * from {{ ref('user_segments') }}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

later_activity as (

    select
        user_days.user_id,
        segment_dates.as_of_date

    from user_days
    inner join segment_dates
        on segment_dates.as_of_date < user_days.activity_date
        and {{ add_days('segment_dates.as_of_date', churn.horizon_days) }} >= user_days.activity_date
    group by user_days.user_id, segment_dates.as_of_date

),

users as (

    select
        user_segments.engagement_tier,
        coalesce(user_segments.behavior_segment, 'not active') as behavior_segment,
        later_activity.user_id is not null as is_later_active,
        user_segments.as_of_date

    from user_segments
    left join later_activity
        on user_segments.user_id = later_activity.user_id
        and user_segments.as_of_date = later_activity.as_of_date

),

counted as (

    select
        coalesce(engagement_tier, 'all') as engagement_tier,
        coalesce(behavior_segment, 'all') as behavior_segment,
        count(*) as users,
        count(case when is_later_active then 1 end) as later_active_users,
        as_of_date

    from users
    group by grouping sets (
        (as_of_date, engagement_tier, behavior_segment),
        (as_of_date, engagement_tier),
        (as_of_date, behavior_segment),
        (as_of_date)
    )

),

final as (

    select
        counted.engagement_tier,
        counted.behavior_segment,
        cast(counted.users as bigint) as users,
        cast({{ retained }} as bigint) as later_active_users,
        {{ safe_divide(retained, 'counted.users') }} as retention_rate,
        case
            when segment_dates.is_closed
                then {{ wilson_interval('counted.later_active_users', 'counted.users', 'low') }}
        end as ci_low,
        case
            when segment_dates.is_closed
                then {{ wilson_interval('counted.later_active_users', 'counted.users', 'high') }}
        end as ci_high,
        segment_dates.is_closed,
        counted.as_of_date

    from counted
    inner join segment_dates on counted.as_of_date = segment_dates.as_of_date

)

select * from final
