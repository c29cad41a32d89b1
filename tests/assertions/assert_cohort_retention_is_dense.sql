-- Every cohort has every period from 0 to the last that has begun (or to the grid's end),
-- so that a missing cell can never be taken for a zero or the other way round.

with

bounds as (

    select * from {{ ref('data_bounds') }}

),

cohorts as (

    select
        period,
        segment,
        segment_value,
        cohort_start,
        count(*) as cells,
        min(period_number) as first_period,
        max(period_number) as last_period

    from {{ ref('cohort_retention') }}
    group by period, segment, segment_value, cohort_start

)

select cohorts.*
from cohorts
cross join bounds
where cohorts.first_period <> 0
    or cohorts.cells <> cohorts.last_period + 1
    or cohorts.last_period <> case cohorts.period
        {%- for period, last_period in var('retention_periods').items() %}
        when '{{ period }}' then least(
            {{ last_period }},
            {{ periods_between(period, 'cohorts.cohort_start', period_start(period, 'bounds.data_end_date')) }}
        )
        {%- endfor %}
    end
