-- Everyone at risk on a day returns on it, is looked at no longer, or is at risk on the next;
-- the share away never rises; and the values of a segment have together whom `all` has.

with

curves as (

    select
        *,
        lag(at_risk_users - returned_users - censored_users) over (
            partition by segment, segment_value order by day
        ) as left_over_users,
        lag(away_rate) over (partition by segment, segment_value order by day) as previous_away_rate

    from {{ ref('survival_curves') }}

),

totals as (

    select
        segment,
        day,
        sum(at_risk_users) as at_risk_users,
        sum(returned_users) as returned_users

    from {{ ref('survival_curves') }}
    group by segment, day

)

select
    segment,
    day,
    'thins out' as rule

from curves
where at_risk_users <> left_over_users
    or away_rate > previous_away_rate
    or away_rate not between coalesce(ci_low, away_rate) and coalesce(ci_high, away_rate)
union all
select
    totals.segment,
    totals.day,
    'adds up' as rule

from totals
inner join totals as everyone
    on totals.day = everyone.day
    and everyone.segment = 'all'
where totals.at_risk_users <> everyone.at_risk_users
    or totals.returned_users <> everyone.returned_users
