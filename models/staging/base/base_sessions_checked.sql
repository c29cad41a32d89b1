-- One row per row of the sessions given: whose it is, and why it is set aside, if it is.

{{ config(meta={
    'reads_input': 'base_sessions',
    'scope': 'all',
    'announces': {'changed_users': ['user_id']},
}) }}

{% do is_increment() %}

with

sessions as (

    select * from {{ ref('base_sessions') }}

),

links as (

    select * from {{ ref('stg_identity_links') }}

),

excluded_users as (

    select * from {{ ref('base_excluded_users') }}

),

identified as (

    select
        sessions.session_id,
        {{ identified_user('sessions', 'links') }} as user_id,
        sessions.properties,
        sessions.raw_started_at,
        sessions.user_id is null and links.user_id is null as is_anonymous,
        sessions.started_at,
        sessions.ended_at

    from sessions
    left join links
        on sessions.user_id is null
        and sessions.anonymous_id = links.anonymous_id

),

checked as (

    select
        identified.*,
        case
            when identified.session_id is null then 'no_session_id'
            when identified.user_id is null then 'no_user'
            when coalesce(identified.raw_started_at, '') = '' then 'no_started_at'
            when identified.started_at is null then 'unparsable_started_at'
            when identified.ended_at < identified.started_at then 'ends_before_it_starts'
            {{ user_reasons('identified', 'excluded_users') | indent(12) }}
        end as row_reason

    from identified
    left join excluded_users
        on identified.user_id = excluded_users.user_id
        and identified.started_at >= excluded_users.valid_from

),

numbered as (

    select
        *,
        row_number() over (
            partition by user_id, session_id, row_reason is null
            order by started_at nulls last, ended_at nulls last, properties nulls last
        ) as occurrence

    from checked

),

final as (

    select
        session_id,
        user_id,
        properties,
        raw_started_at,
        case
            when row_reason is not null then row_reason
            when occurrence > 1 then 'duplicate_session_id'
        end as rejection_reason,
        is_anonymous,
        started_at,
        ended_at,
        occurrence

    from numbered

)

select * from final
