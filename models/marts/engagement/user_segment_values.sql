-- One row per user and segment, `all` included: dim_user_segments for readers of the marts.

with

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

final as (

    select
        user_id,
        segment,
        segment_value

    from user_segments

)

select * from final
