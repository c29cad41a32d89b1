-- Of each event that is tested, exactly one threshold is the best one, and that alone is
-- estimated anew in the later cohorts, has an impact and a rank.

with

events as (

    select
        event_name,
        count(case when left_out_reason is null then 1 end) as tested,
        count(case when is_best_threshold then 1 end) as best,
        count(confirmed_risk_difference) as confirmed,
        count(impact) as with_impact,
        count(impact_rank) as ranked

    from {{ ref('behavior_impact') }}
    group by event_name

)

select *
from events
where best <> case when tested > 0 then 1 else 0 end
    or confirmed <> best
    or with_impact <> best
    or ranked <> best
