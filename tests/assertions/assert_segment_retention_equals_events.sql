-- Later active users of each tier and segment are those with an event in the horizon, and the
-- cells of `all` are the sums of their parts.

{% set churn = churn_definition() %}

with

retention as (

    select * from {{ ref('segment_retention') }}

),

later as (

    select distinct
        events.user_id,
        segment_dates.as_of_date

    from {{ ref('fct_events') }} as events
    inner join {{ ref('segment_dates') }} as segment_dates
        on {{ days_between('segment_dates.as_of_date', 'events.event_date') }} between 1 and {{ churn.horizon_days }}
    where events.is_activity and segment_dates.is_closed

),

expected as (

    select
        user_segments.as_of_date,
        user_segments.engagement_tier,
        coalesce(user_segments.behavior_segment, 'not active') as behavior_segment,
        count(*) as users,
        case when segment_dates.is_closed then count(later.user_id) end as later_active_users

    from {{ ref('user_segments') }} as user_segments
    inner join {{ ref('segment_dates') }} as segment_dates
        on user_segments.as_of_date = segment_dates.as_of_date
    left join later
        on user_segments.user_id = later.user_id
        and user_segments.as_of_date = later.as_of_date
    group by
        user_segments.as_of_date,
        user_segments.engagement_tier,
        coalesce(user_segments.behavior_segment, 'not active'),
        segment_dates.is_closed

),

sums as (

    {% for kept in [['engagement_tier', 'behavior_segment'], ['engagement_tier'], ['behavior_segment'], []] -%}
    select
        as_of_date,
        {{ 'engagement_tier' if 'engagement_tier' in kept else "'all' as engagement_tier" }},
        {{ 'behavior_segment' if 'behavior_segment' in kept else "'all' as behavior_segment" }},
        sum(users) as users,
        sum(later_active_users) as later_active_users

    from expected
    group by {{ (['as_of_date'] + kept) | join(', ') }}
    {{- '\n\n    union all\n\n    ' if not loop.last }}
    {%- endfor %}

)

select
    sums.*,
    retention.users as found_users,
    retention.later_active_users as found_later_active_users

from sums
full outer join retention
    on sums.as_of_date = retention.as_of_date
    and sums.engagement_tier = retention.engagement_tier
    and sums.behavior_segment = retention.behavior_segment
where sums.users is null
    or retention.users is null
    or sums.users <> retention.users
    or coalesce(sums.later_active_users, -1) <> coalesce(retention.later_active_users, -1)
    or (retention.retention_rate is null) <> (retention.later_active_users is null)
