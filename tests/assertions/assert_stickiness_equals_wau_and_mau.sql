-- Users of the power curve's windows of 7 and 28 days are the WAU and MAU of the same day:
-- two marts, one number.

select
    stickiness.as_of_date,
    stickiness.segment,
    stickiness.segment_value,
    stickiness.window_days,
    stickiness.active_users,
    daily_active.wau,
    daily_active.mau

from {{ ref('stickiness') }} as stickiness
inner join {{ ref('daily_active') }} as daily_active
    on stickiness.as_of_date = daily_active.activity_date
    and stickiness.segment = daily_active.segment
    and stickiness.segment_value = daily_active.segment_value
where
    stickiness.active_days = 1
    and stickiness.active_users <> case stickiness.window_days
        when 7 then daily_active.wau
        when 28 then daily_active.mau
        else stickiness.active_users
    end
