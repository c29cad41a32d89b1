-- One row per anonymous_id and stretch of time in which it was known to be of one user.
-- In stg_identity_links the newest link counts for all time; a stretch depends only on
-- what came before it, so that what is counted by it does not change afterwards.

{{ config(materialized='table') }}

with

events as (

    select * from {{ ref('base_events') }}

),

{%- if has_input('users') %}

users as (

    select
        user_id,
        min(signed_up_at) as signed_up_at,
        case when count(valid_from) = count(*) then min(valid_from) end as valid_from

    from {{ ref('base_users') }}
    where user_id is not null
    group by user_id

),

{%- endif %}

-- Nobody is known before they sign up, or before the users table has them.
seen_together as (

    select
        events.anonymous_id,
        events.user_id,
        {%- if has_input('users') %}
        greatest(
            events.event_time,
            coalesce(users.signed_up_at, events.event_time),
            coalesce(users.valid_from, events.event_time)
        ) as linked_at
        {%- else %}
        events.event_time as linked_at
        {%- endif %}

    from events
    {%- if has_input('users') %}
    inner join users on events.user_id = users.user_id
    {%- endif %}
    where events.anonymous_id is not null
        and events.user_id is not null
        and events.event_time is not null
        and events.event_name is not null

),

first_links as (

    select
        anonymous_id,
        user_id,
        min(linked_at) as linked_at

    from seen_together
    group by anonymous_id, user_id

),

shared_ids as (

    select anonymous_id
    from first_links
    group by anonymous_id
    having count(*) > 1

),

-- Of an id that one user has, the first link says all; only shared ones are followed.
links as (

    select
        first_links.anonymous_id,
        first_links.user_id,
        first_links.linked_at

    from first_links
    left join shared_ids on first_links.anonymous_id = shared_ids.anonymous_id
    where shared_ids.anonymous_id is null
    union all
    select
        seen_together.anonymous_id,
        max(seen_together.user_id) as user_id,
        seen_together.linked_at

    from seen_together
    inner join shared_ids on seen_together.anonymous_id = shared_ids.anonymous_id
    group by seen_together.anonymous_id, seen_together.linked_at

),

followed as (

    select
        *,
        lag(user_id) over (partition by anonymous_id order by linked_at) as previous_user_id

    from links

),

changes as (

    select *
    from followed
    where previous_user_id is null
        or previous_user_id <> user_id

),

final as (

    select
        anonymous_id,
        user_id,
        linked_at,
        case when previous_user_id is not null then linked_at end as valid_from,
        lead(linked_at) over (partition by anonymous_id order by linked_at) as valid_until

    from changes

)

select * from final
