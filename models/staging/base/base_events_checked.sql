-- One row per row of the events given: whose it is, and why it is set aside, if it is.

{{ config(materialized='table') }}

with

events as (

    select * from {{ ref('base_events') }}

),

links as (

    select * from {{ ref('stg_identity_links') }}

),

versions as (

    select * from {{ ref('base_identity_versions') }}

),

excluded_users as (

    select * from {{ ref('base_excluded_users') }}

),

identified as (

    select
        events.event_id,
        events.user_id as source_user_id,
        {{ identified_user('events', 'links') }} as user_id,
        coalesce(events.user_id, versions.user_id) as known_user_id,
        events.anonymous_id,
        events.session_id,
        events.event_name,
        events.properties,
        events.raw_event_time,
        events.user_id is null and links.user_id is null as is_anonymous,
        events.event_time,
        case
            when events.user_id is not null then events.event_time
            when versions.user_id is not null then greatest(events.event_time, versions.linked_at)
        end as known_at,
        events.received_at

    from events
    left join links
        on events.user_id is null
        and events.anonymous_id = links.anonymous_id
    left join versions
        on events.user_id is null
        and events.anonymous_id = versions.anonymous_id
        and (versions.valid_from is null or versions.valid_from <= events.event_time)
        and (versions.valid_until is null or versions.valid_until > events.event_time)

),

checked as (

    select
        identified.*,
        case
            when identified.user_id is null then 'no_user'
            when coalesce(identified.raw_event_time, '') = '' then 'no_event_time'
            when identified.event_time is null then 'unparsable_event_time'
            when identified.event_name is null then 'no_event_name'
            when identified.event_time > identified.received_at then 'after_received_at'
            {%- if loaded_until() %}
            when identified.event_time > {{ loaded_until() }} then 'after_loaded_until'
            {%- endif %}
            {%- if has_input('users') %}
            when
                not identified.is_anonymous
                and identified.user_id not in (
                    select users.user_id
                    from {{ ref('base_users') }} as users
                    where users.user_id is not null
                )
                then 'unknown_user'
            {%- endif %}
            when excluded_users.user_id is not null then 'excluded_user'
        end as row_reason

    from identified
    left join excluded_users
        on identified.user_id = excluded_users.user_id
        and identified.event_time >= excluded_users.valid_from

),

fingerprinted as (

    select
        *,
        {{ row_fingerprint([
            'source_user_id', 'anonymous_id', 'session_id', 'event_name', 'raw_event_time',
            'received_at', 'properties',
        ]) }} as fingerprint

    from checked

),

-- Among the rows of one event_id the latest received wins. Rows without an event_id are
-- told apart by their content, and wholly identical ones by their number.
numbered as (

    select
        *,
        row_number() over (
            partition by coalesce(event_id, fingerprint), row_reason is null
            order by received_at desc nulls last, event_time desc nulls last, fingerprint
        ) as occurrence

    from fingerprinted

),

final as (

    select
        coalesce(
            event_id, fingerprint || '-' || cast(occurrence as string)
        ) as event_id,
        source_user_id,
        user_id,
        known_user_id,
        anonymous_id,
        session_id,
        event_name,
        properties,
        raw_event_time,
        case
            when row_reason is not null then row_reason
            when event_id is not null and occurrence > 1 then 'duplicate_event_id'
            {%- if duplicate_rows() == 'reject' %}
            when event_id is null and occurrence > 1 then 'duplicate_row'
            {%- endif %}
        end as rejection_reason,
        is_anonymous,
        event_id is null and occurrence > 1 as is_repeated_row,
        event_time,
        known_at,
        received_at

    from numbered

)

select * from final
