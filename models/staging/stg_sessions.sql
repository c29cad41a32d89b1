-- One row per session of the sessions table; none where no sessions table is given.

with

checked_sessions as (

    select * from {{ ref('base_sessions_checked') }}

),

final as (

    select
        session_id,
        user_id,
        properties,
        is_anonymous,
        started_at,
        ended_at

    from checked_sessions
    where rejection_reason is null

)

select * from final
