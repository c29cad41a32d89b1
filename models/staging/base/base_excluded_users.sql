-- One row per user to leave out, from the earliest time on that any of its rows names.

with

excluded_users as (

    {{ canonical_select('excluded_users') }}

),

final as (

    select
        user_id,
        min(reason) as reason,
        min(coalesce(valid_from, timestamp '0001-01-01 00:00:00')) as valid_from

    from excluded_users
    where user_id is not null
    group by user_id

)

select * from final
