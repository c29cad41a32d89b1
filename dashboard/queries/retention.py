"""How many of those who started together come back."""

from __future__ import annotations

from datetime import date
from typing import Literal

from dashboard.queries.common import Period, Result, Slice, ask, cached, listed_users
from dashboard.warehouse import Build

Retained = Literal["on", "on_or_after"]


@cached
def cells(build: Build, period: Period, chosen: Slice, retained: Retained) -> Result:
    """Cohort by period: cohort_users, retained_users, retention_rate, is_complete."""
    return ask(
        build,
        """
        select *
        from cohort_retention_in(
            $period, segment := $segment, segment_values := $values,
            by_value := false, date_from := $start, date_to := $end,
            retained := $retained
        )
        order by cohort_start, period_number
        """,
        {**chosen.parameters, "period": period, "retained": retained},
    )


@cached
def curve(
    build: Build, period: Period, chosen: Slice, retained: Retained, by_value: bool
) -> Result:
    """The chosen cohorts together, over complete cells only, with a Wilson interval."""
    return ask(
        build,
        """
        select *
        from retention_curves_in(
            $period, segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $start, date_to := $end,
            retained := $retained
        )
        order by segment_value, period_number
        """,
        {
            **chosen.parameters,
            "period": period,
            "retained": retained,
            "by_value": by_value,
        },
    )


@cached
def brackets(build: Build, period: Period, chosen: Slice, by_value: bool) -> Result:
    """Who was active in any period of a bracket, over the cohorts it is over for."""
    return ask(
        build,
        """
        select *
        from retention_brackets_in(
            $period, segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $start, date_to := $end
        )
        order by segment_value, first_period_number, last_period_number
        """,
        {**chosen.parameters, "period": period, "by_value": by_value},
    )


@cached
def bracket_periods(build: Build) -> Result:
    """The periods that brackets are defined of."""
    return ask(
        build, "select distinct period from retention_brackets order by period", {}
    )


@cached
def users_of_cohort(
    build: Build,
    period: Period,
    start: date,
    period_number: int,
    retained: Retained,
    is_retained: bool,
    chosen: Slice,
) -> Result:
    """Who of a cohort came back in a period since, or did not."""
    return listed_users(
        build,
        """
        select user_id, cohort_date, returned_at
        from retention_users_in(
            $period_number, period := $period, segment := $segment,
            segment_values := $values, date_from := $cohort, date_to := $cohort,
            retained := $retained
        )
        where is_retained = $is_retained
        """,
        {
            **chosen.who,
            "cohort": start,
            "period": period,
            "period_number": period_number,
            "retained": retained,
            "is_retained": is_retained,
        },
    )
