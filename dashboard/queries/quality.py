"""What was set aside and why, how fresh the data is, and what looks unusual."""

from __future__ import annotations

from dashboard.queries.common import Result, ask, cached
from dashboard.warehouse import Build

MODELLED = "events: modelled"


@cached
def summary(build: Build) -> Result:
    """One row: events in, modelled and set aside, and days whose volume is unusual."""
    return ask(
        build,
        """
        select
            sum(rows) filter (check_name = $modelled) as modelled_rows,
            coalesce(
                sum(rejected_rows) filter (starts_with(check_name, 'events: ')), 0
            ) as rejected_rows,
            count(*) filter (is_anomaly) as anomalies
        from data_quality
        """,
        {"modelled": MODELLED},
    )


@cached
def checks(build: Build) -> Result:
    """Every check with its rows over all days, those that were set aside first."""
    return ask(
        build,
        """
        select
            check_name,
            any_value(reason) as reason,
            sum(rows)::bigint as rows,
            sum(rejected_rows)::bigint as rejected_rows,
            count(*) filter (is_anomaly) as anomalies,
            min(check_date) as first_date,
            max(check_date) as last_date
        from data_quality
        group by check_name
        order by rejected_rows desc, rows desc, check_name
        """,
        {},
    )


@cached
def volume(build: Build) -> Result:
    """Events modelled by day, and whether so many are unusual for the weekday."""
    return ask(
        build,
        """
        select check_date, rows, is_anomaly
        from data_quality
        where check_name = $modelled and check_date is not null
        order by check_date
        """,
        {"modelled": MODELLED},
    )


@cached
def set_aside_by_week(build: Build, most_checks: int) -> Result:
    """Rows that were set aside, by week and reason, as far as the data reaches.

    The `most_checks` reasons of the most rows have their names, the others are one.
    """
    return ask(
        build,
        """
        with set_aside as (
            select
                date_trunc('week', check_date) as week_start,
                check_name,
                rejected_rows
            from data_quality
            cross join build_info
            where rejected_rows > 0 and check_date <= build_info.data_end
        ),

        named as (
            select check_name
            from set_aside
            group by check_name
            order by sum(rejected_rows) desc, check_name
            limit $most_checks
        )

        select
            week_start,
            coalesce(named.check_name, 'other reasons') as check_name,
            sum(rejected_rows)::bigint as rejected_rows
        from set_aside
        left join named on set_aside.check_name = named.check_name
        group by all
        order by week_start, check_name
        """,
        {"most_checks": most_checks},
    )
