"""How many of those who started together come back."""

from __future__ import annotations

from dashboard.queries.common import Period, Result, Slice, ask, cached
from dashboard.warehouse import Build


@cached
def retention_cells(
    build: Build, period: Period, chosen: Slice, is_on_or_after: bool
) -> Result:
    """Cohort by period: cohort_users, retained_users, retention_rate, is_complete."""
    return ask(
        build,
        """
        with cells as (
            select
                cohort_start,
                period_number,
                sum(cohort_users)::bigint as cohort_users,
                sum(
                    case
                        when $is_on_or_after then retained_on_or_after_users
                        else retained_users
                    end
                )::bigint as retained_users,
                bool_and(is_complete) as is_complete
            from cohort_retention
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
                and cohort_start between date_trunc($period, $start) and $end
            group by cohort_start, period_number
        )

        select *, retained_users / nullif(cohort_users, 0) as retention_rate
        from cells
        where cohort_users > 0
        order by cohort_start, period_number
        """,
        {**chosen.parameters, "period": period, "is_on_or_after": is_on_or_after},
    )


@cached
def retention_curve(
    build: Build, period: Period, chosen: Slice, is_on_or_after: bool, by_value: bool
) -> Result:
    """The chosen cohorts pooled, over complete cells only, with a Wilson interval."""
    return ask(
        build,
        """
        with pooled as (
            select
                case when $by_value then segment_value else 'all' end as segment_value,
                period_number,
                count(distinct cohort_start) as cohorts,
                sum(cohort_users)::bigint as cohort_users,
                sum(
                    case
                        when $is_on_or_after then retained_on_or_after_users
                        else retained_users
                    end
                )::bigint as retained_users
            from cohort_retention
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
                and cohort_start between date_trunc($period, $start) and $end
                and is_complete
                and cohort_users > 0
            group by all
        )

        select
            *,
            retained_users / nullif(cohort_users, 0) as retention_rate,
            wilson_low(retained_users, cohort_users) as ci_low,
            wilson_high(retained_users, cohort_users) as ci_high
        from pooled
        order by segment_value, period_number
        """,
        {
            **chosen.parameters,
            "period": period,
            "is_on_or_after": is_on_or_after,
            "by_value": by_value,
        },
    )
