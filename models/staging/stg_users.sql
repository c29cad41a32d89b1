-- One row per user of the users table; none where no users table is given.

with

user_versions as (

    select * from {{ ref('stg_user_versions') }}

),

-- Marts slice by what was valid first, so that a slice never changes its past.
numbered as (

    select
        *,
        min(signed_up_at) over (partition by user_id) as first_signed_up_at,
        row_number() over (
            partition by user_id order by valid_from nulls first
        ) as version_number

    from user_versions

),

final as (

    select
        user_id,
        properties,
        first_signed_up_at as signed_up_at,
        valid_from

    from numbered
    where version_number = 1

)

select * from final
