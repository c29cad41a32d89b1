-- One row per user x event_name of the users whose behaviour the segments are found on: of
-- those who did enough by the newest as_of_date, a sample that stays the same from day to
-- day as far as the users do.

{% set definition = behavior_segments_definition() %}

with

usage as (

    select * from {{ ref('user_event_usage') }}

),

segment_dates as (

    select * from {{ ref('segment_dates') }} where is_newest

),

users as (

    select * from {{ ref('dim_users') }}

),

newest_usage as (

    select usage.*
    from usage
    inner join segment_dates on usage.as_of_date = segment_dates.as_of_date

),

ranked_users as (

    select
        user_id,
        row_number() over (order by md5(user_id), user_id) as user_rank

    from newest_usage
    group by user_id
    having sum(events_28) >= {{ definition.min_events }}

),

final as (

    select
        newest_usage.user_id,
        newest_usage.event_name,
        newest_usage.events_28,
        {{ days_between(local_date('users.first_active_at'), 'newest_usage.as_of_date') }}
        < {{ engagement_tiers().new_tenure_days }} as is_new,
        newest_usage.as_of_date

    from newest_usage
    inner join ranked_users on newest_usage.user_id = ranked_users.user_id
    inner join users on newest_usage.user_id = users.user_id
    where ranked_users.user_rank <= {{ definition.sampled_users }}

)

select * from final
