-- One row per behaviour segment x event_name: where the segment stands. From it, SQL alone
-- assigns a user to a segment.

with

behavior_segments as (

    select * from {{ ref('behavior_segments') }}

),

final as (

    select
        cast(behavior_segment_id as bigint) as behavior_segment_id,
        behavior_segment,
        event_name,
        axis,
        cast(center as double) as center,
        cast(population_share as double) as population_share,
        cast(sampled_users as bigint) as sampled_users,
        cast(stability as double) as stability,
        cast(is_current as boolean) as is_current

    from behavior_segments

)

select * from final
