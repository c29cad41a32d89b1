-- One row per user of the users table; none where no users table is given.

with

checked_users as (

    select * from {{ ref('base_users_checked') }}

),

final as (

    select
        user_id,
        properties,
        signed_up_at

    from checked_users
    where rejection_reason is null

)

select * from final
