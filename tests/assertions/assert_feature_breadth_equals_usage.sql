-- Users times the number of things that they did, per period, is the sum of the users of
-- each thing.

with

breadth as (

    select
        period,
        period_start,
        segment,
        segment_value,
        sum(users) as users,
        sum(users * features_used) as uses

    from {{ ref('feature_breadth') }}
    group by period, period_start, segment, segment_value

),

usage as (

    select
        period,
        period_start,
        segment,
        segment_value,
        max(active_users) as users,
        sum(users) as uses

    from {{ ref('feature_usage') }}
    group by period, period_start, segment, segment_value

)

select
    breadth.*,
    usage.users as usage_users,
    usage.uses as usage_uses

from breadth
full outer join usage
    on breadth.period = usage.period
    and breadth.period_start = usage.period_start
    and breadth.segment = usage.segment
    and breadth.segment_value = usage.segment_value
where
    coalesce(breadth.users, -1) <> coalesce(usage.users, -1)
    or coalesce(breadth.uses, -1) <> coalesce(usage.uses, -1)
