-- Every active user of a period is new, returning or resurrected, and is one only; by day
-- the sum is DAU.

select
    lifecycle.period,
    lifecycle.period_start,
    lifecycle.segment,
    lifecycle.segment_value

from {{ ref('lifecycle') }} as lifecycle
left join {{ ref('daily_active') }} as daily_active
    on lifecycle.period = 'day'
    and lifecycle.period_start = daily_active.activity_date
    and lifecycle.segment = daily_active.segment
    and lifecycle.segment_value = daily_active.segment_value
where lifecycle.new_users + lifecycle.returning_users + lifecycle.resurrected_users
    <> lifecycle.active_users
    or (
        lifecycle.period = 'day'
        and coalesce(daily_active.dau, -1) <> lifecycle.active_users
    )
