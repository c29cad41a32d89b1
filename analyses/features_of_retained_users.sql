-- Which features go with retained users?
--
-- For each feature, what a new user does with it in the first days (at the threshold that
-- tells most), beside whether they are still active in the third and fourth week (var
-- behavior_impact has the days). First the raw shares, in which heavy users do more of
-- everything and stay; then what is left among users alike in other activity, time of
-- joining and segments, in the later cohorts and with the other features found held equal,
-- too. Associations all the same: `statement` says each row in words.

with

behaviors as (

    select * from {{ ref('behavior_impact') }} where is_best_threshold

),

final as (

    select
        impact_rank,
        event_name,
        threshold,
        verdict,
        reach,
        retained_with_rate,
        {{ wilson_interval('retained_with', 'users_with', 'low') }} as ci_low,
        {{ wilson_interval('retained_with', 'users_with', 'high') }} as ci_high,
        retained_without_rate,
        risk_difference as raw_difference,
        confirmed_risk_difference as later_cohorts_difference,
        confirmed_ci_low as later_cohorts_low,
        confirmed_ci_high as later_cohorts_high,
        independent_risk_difference as independent_difference,
        q_value,
        impact,
        statement

    from behaviors

)

select * from final
order by impact_rank
