-- Each point of a curve is the sum over complete cells, and no incomplete cell is in it.

{% set basis = convention('window_basis') %}

with

pooled as (

    select
        period,
        segment,
        segment_value,
        period_number,
        sum(case when {{ is_complete_on(basis) }} then cohort_users else 0 end) as cohort_users,
        sum(case when {{ is_complete_on(basis) }} then {{ retained_users_on(basis) }} else 0 end) as retained_users

    from {{ ref('cohort_retention') }}
    group by period, segment, segment_value, period_number

)

select
    pooled.*,
    curves.cohort_users as curve_cohort_users

from pooled
left join {{ ref('retention_curves') }} as curves
    on pooled.period = curves.period
    and pooled.segment = curves.segment
    and pooled.segment_value = curves.segment_value
    and pooled.period_number = curves.period_number
where pooled.cohort_users <> coalesce(curves.cohort_users, 0)
    or pooled.retained_users <> coalesce(curves.retained_users, 0)
