{#
    Events with the user they belong to, and what is wrong with the row itself (row_reason).
    events: a relation like base_events, or a subquery; carried: its further columns to keep.
#}
{% macro identified_events(events, carried=[]) -%}
with

events as (

    select * from {{ events }}

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
        {%- for column in carried %},
        events.{{ column }}
        {%- endfor %}

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

final as (

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
            {{ user_reasons('identified', 'excluded_users') | indent(12) }}
        end as row_reason

    from identified
    left join excluded_users
        on identified.user_id = excluded_users.user_id
        and identified.event_time >= excluded_users.valid_from

)

select * from final
{%- endmacro %}
