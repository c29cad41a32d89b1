-- One row per user and stretch of time in which one row of the users table was valid; one
-- row per user for all time where the table has no valid_from.

{{ config(materialized='table') }}

with

user_versions as (

    select * from {{ ref('stg_user_versions') }}

),

final as (

    select
        user_id,
        properties,
        valid_from,
        lead(valid_from) over (
            partition by user_id order by valid_from nulls first
        ) as valid_until

    from user_versions

)

select * from final
