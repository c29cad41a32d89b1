-- One row per event_name x period (week, month) x period_start x segment x segment_value in
-- which at least one user did the event.

{% set periods = ['week', 'month'] %}

with

events as (

    select * from {{ ref('fct_events') }} where is_activity

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

user_event_days as (

    select
        user_id,
        event_name,
        event_date,
        count(*) as event_count

    from events
    group by user_id, event_name, event_date

),

{%- for period in periods %}

uses_by_{{ period }} as (

    select
        user_id,
        event_name,
        '{{ period }}' as period,
        {{ period_start(period, 'event_date') }} as period_start,
        {{ add_periods(period, period_start(period, 'event_date'), 1) }} as next_period_start,
        sum(event_count) as event_count,
        count(*) as active_days

    from user_event_days
    group by user_id, event_name, {{ period_start(period, 'event_date') }}

),
{%- endfor %}

uses as (
{% for period in periods %}
    select * from uses_by_{{ period }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

user_periods as (

    select
        user_id,
        period,
        period_start,
        lead(period_start) over (
            partition by user_id, period order by period_start
        ) as next_active_start

    from (
        select
            user_id,
            period,
            period_start
        from uses
        group by user_id, period, period_start
    ) as active_periods

),

first_uses as (

    select
        user_id,
        event_name,
        period,
        min(period_start) as first_period_start

    from uses
    group by user_id, event_name, period

),

used as (

    select
        uses.*,
        coalesce(user_periods.next_active_start = uses.next_period_start, false) as is_retained

    from uses
    inner join user_periods
        on uses.user_id = user_periods.user_id
        and uses.period = user_periods.period
        and uses.period_start = user_periods.period_start

),

active as (

    select
        user_segments.segment,
        user_segments.segment_value,
        user_periods.period,
        user_periods.period_start,
        count(*) as active_users,
        count(
            case
                when user_periods.next_active_start = case
                    when user_periods.period = 'week'
                        then {{ add_periods('week', 'user_periods.period_start', 1) }}
                    else {{ add_periods('month', 'user_periods.period_start', 1) }}
                end
                    then 1
            end
        ) as retained_active_users

    from user_periods
    inner join user_segments on user_periods.user_id = user_segments.user_id
    group by
        user_segments.segment,
        user_segments.segment_value,
        user_periods.period,
        user_periods.period_start

),

first_timers as (

    select
        first_uses.event_name,
        first_uses.period,
        user_segments.segment,
        user_segments.segment_value,
        first_uses.first_period_start,
        count(*) as users

    from first_uses
    inner join user_segments on first_uses.user_id = user_segments.user_id
    group by
        first_uses.event_name,
        first_uses.period,
        user_segments.segment,
        user_segments.segment_value,
        first_uses.first_period_start

),

counted as (

    select
        used.event_name,
        used.period,
        user_segments.segment,
        user_segments.segment_value,
        used.period_start,
        used.next_period_start,
        count(*) as users,
        sum(used.event_count) as events,
        count(case when used.active_days > 1 then 1 end) as repeat_users,
        sum(used.active_days) as active_days,
        count(case when used.is_retained then 1 end) as retained_users

    from used
    inner join user_segments on used.user_id = user_segments.user_id
    group by
        used.event_name,
        used.period,
        user_segments.segment,
        user_segments.segment_value,
        used.period_start,
        used.next_period_start

),

final as (

    select
        counted.event_name,
        counted.period,
        counted.segment,
        counted.segment_value,
        cast(counted.users as bigint) as users,
        cast(counted.events as bigint) as events,
        cast(coalesce(first_timers.users, 0) as bigint) as first_time_users,
        cast(
            sum(coalesce(first_timers.users, 0)) over (
                partition by
                    counted.event_name, counted.period, counted.segment, counted.segment_value
                order by counted.period_start
                rows between unbounded preceding and current row
            ) as bigint
        ) as ever_users,
        cast(counted.repeat_users as bigint) as repeat_users,
        cast(active.active_users as bigint) as active_users,
        {{ safe_divide('counted.users', 'active.active_users') }} as adoption_rate,
        {{ safe_divide('counted.repeat_users', 'counted.users') }} as repeat_rate,
        {{ safe_divide('counted.events', 'counted.users') }} as events_per_user,
        {{ safe_divide('counted.active_days', 'counted.users') }} as days_per_user,
        cast(counted.retained_users as bigint) as retained_users,
        {{ safe_divide('counted.retained_users', 'counted.users') }} as retained_with_rate,
        cast(active.retained_active_users as bigint) as retained_active_users,
        {{ safe_divide(
            '(active.retained_active_users - counted.retained_users)',
            '(active.active_users - counted.users)'
        ) }} as retained_without_rate,
        {{ add_days('counted.next_period_start', -1) }} <= bounds.as_of_date as is_complete,
        case
            when counted.period = 'week'
                then {{ add_days(add_periods('week', 'counted.period_start', 2), -1) }}
            else {{ add_days(add_periods('month', 'counted.period_start', 2), -1) }}
        end <= bounds.as_of_date as is_next_complete,
        counted.period_start

    from counted
    cross join bounds
    inner join active
        on counted.segment = active.segment
        and counted.segment_value = active.segment_value
        and counted.period = active.period
        and counted.period_start = active.period_start
    left join first_timers
        on counted.event_name = first_timers.event_name
        and counted.period = first_timers.period
        and counted.segment = first_timers.segment
        and counted.segment_value = first_timers.segment_value
        and counted.period_start = first_timers.first_period_start

)

select * from final
