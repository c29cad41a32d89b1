-- One row per anonymous_id that was seen together with a user; the newest link wins.

{{ config(materialized='table') }}

with

events as (

    select * from {{ ref('base_events') }}

),

seen_together as (

    select
        anonymous_id,
        user_id,
        count(*) as event_count,
        max(event_time) as linked_at

    from events
    where anonymous_id is not null
        and user_id is not null
        and event_time is not null
        and event_name is not null
        {%- if has_input('users') %}
        and user_id in (select users.user_id from {{ ref('base_users') }} as users)
        {%- endif %}
    group by anonymous_id, user_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by anonymous_id order by linked_at desc, user_id desc
        ) as link_rank,
        count(*) over (partition by anonymous_id) as user_count

    from seen_together

),

final as (

    select
        anonymous_id,
        user_id,
        cast(user_count as bigint) as user_count,
        linked_at

    from ranked
    where link_rank = 1

)

select * from final
