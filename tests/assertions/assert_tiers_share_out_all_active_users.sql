-- On every segment date each identified user who was ever active by then has exactly one
-- tier, and their events say of the same days whether they are lost, dormant or active.

with

active_days as (

    select distinct
        user_id,
        event_date

    from {{ ref('fct_events') }}
    where is_activity and not is_anonymous

),

expected as (

    select
        active_days.user_id,
        segment_dates.as_of_date,
        sum(
            case
                when active_days.event_date > {{ add_days('segment_dates.as_of_date', -28) }} then 1 else 0
            end
        ) as days_28,
        sum(
            case
                when active_days.event_date > {{ add_days('segment_dates.as_of_date', -84) }} then 1 else 0
            end
        ) as days_84

    from active_days
    inner join {{ ref('segment_dates') }} as segment_dates
        on active_days.event_date <= segment_dates.as_of_date
    group by active_days.user_id, segment_dates.as_of_date

),

compared as (

    select
        coalesce(expected.user_id, found.user_id) as user_id,
        coalesce(expected.as_of_date, found.as_of_date) as as_of_date,
        count(expected.user_id) as expected_rows,
        count(found.user_id) as found_rows,
        count(
            case
                when found.active_days_28 = expected.days_28
                    and (found.engagement_tier = 'lost') = (expected.days_84 = 0)
                    and (found.engagement_tier in ('lost', 'dormant')) = (expected.days_28 = 0)
                    and (found.behavior_segment is null) = (expected.days_28 = 0)
                    then 1
            end
        ) as agreeing_rows

    from expected
    full outer join {{ ref('user_segments') }} as found
        on expected.user_id = found.user_id
        and expected.as_of_date = found.as_of_date
    group by coalesce(expected.user_id, found.user_id), coalesce(expected.as_of_date, found.as_of_date)

)

select * from compared
where expected_rows <> 1
    or found_rows <> 1
    or agreeing_rows <> 1
