-- One row per user and time from which a row of the users table is valid; one row per user
-- where the table has no valid_from.

with

checked_users as (

    select * from {{ ref('base_users_checked') }}

),

final as (

    select
        user_id,
        properties,
        signed_up_at,
        valid_from

    from checked_users
    where rejection_reason is null

)

select * from final
