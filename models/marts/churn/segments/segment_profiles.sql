-- One row per behaviour segment x event_name, as of the newest as_of_date: what its users do,
-- beside what everyone does. Every user counts once, however active.

with

segment_dates as (

    select * from {{ ref('segment_dates') }} where is_newest

),

user_segments as (

    select * from {{ ref('user_segments') }}

),

behavior_assignments as (

    select * from {{ ref('behavior_assignments') }}

),

usage as (

    select * from {{ ref('user_event_usage') }}

),

centers as (

    select * from {{ ref('segment_centers') }} where is_current

),

known_events as (

    select event_name from centers where behavior_segment_id = 0

),

stabilities as (

    select
        behavior_segment_id,
        max(stability) as stability

    from centers
    group by behavior_segment_id

),

segmented_users as (

    select
        user_segments.user_id,
        user_segments.as_of_date,
        user_segments.behavior_segment_id,
        user_segments.behavior_segment,
        behavior_assignments.event_count

    from user_segments
    inner join segment_dates on user_segments.as_of_date = segment_dates.as_of_date
    inner join behavior_assignments
        on user_segments.user_id = behavior_assignments.user_id
        and user_segments.as_of_date = behavior_assignments.as_of_date
    where behavior_assignments.has_enough_events
        and user_segments.behavior_segment is not null

),

segment_sizes as (

    select
        behavior_segment_id,
        behavior_segment,
        count(*) as users

    from segmented_users
    group by behavior_segment_id, behavior_segment

),

segment_events as (

    select
        segmented_users.behavior_segment,
        usage.event_name,
        count(*) as users_with_event,
        {{ exact_sum('cast(usage.events_28 as double) / segmented_users.event_count') }} as total_share

    from segmented_users
    inner join usage
        on segmented_users.user_id = usage.user_id
        and segmented_users.as_of_date = usage.as_of_date
    group by segmented_users.behavior_segment, usage.event_name

),

grid as (

    select
        segment_sizes.*,
        known_events.event_name,
        coalesce(segment_events.users_with_event, 0) as users_with_event,
        coalesce(segment_events.total_share, 0) as total_share

    from segment_sizes
    cross join known_events
    left join segment_events
        on segment_sizes.behavior_segment = segment_events.behavior_segment
        and known_events.event_name = segment_events.event_name

),

shares as (

    select
        *,
        {{ safe_divide('total_share', 'users') }} as share,
        {{ safe_divide(
            'sum(cast(total_share as decimal(38, 15))) over (partition by event_name)',
            'sum(users) over (partition by event_name)'
        ) }} as population_share

    from grid

),

final as (

    select
        shares.behavior_segment,
        shares.event_name,
        shares.behavior_segment_id,
        cast(shares.users as bigint) as users,
        cast(shares.users_with_event as bigint) as users_with_event,
        shares.share,
        shares.population_share,
        {{ safe_divide('shares.share', 'shares.population_share') }} as index,
        stabilities.stability,
        segment_dates.as_of_date

    from shares
    cross join segment_dates
    left join stabilities on shares.behavior_segment_id = stabilities.behavior_segment_id

)

select * from final
