-- One row per user of behavior_users x event_name done on the first days of their life (var
-- behavior_impact: exposure_days), the same number of days for everyone. Only what was known
-- to be theirs when it happened: who is identified later has come back to be so.

{% set definition = behavior_impact_definition() %}

with

users as (

    select * from {{ ref('behavior_users') }}

),

events as (

    select * from {{ ref('fct_events') }} where known_at = event_time

),

first_days as (

    select
        users.user_id,
        events.event_name,
        events.is_activity,
        events.event_date,
        count(*) as event_count

    from users
    inner join events
        on users.user_id = events.known_user_id
        and users.cohort_date <= events.event_date
        and {{ add_days('users.cohort_date', definition.exposure_days - 1) }} >= events.event_date
    group by users.user_id, events.event_name, events.is_activity, events.event_date

),

final as (

    select
        user_id,
        event_name,
        cast(sum(event_count) as bigint) as event_count,
        cast(count(*) as bigint) as active_days,
        is_activity

    from first_days
    group by user_id, event_name, is_activity

)

select * from final
