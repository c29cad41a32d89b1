"""Funnels and retention of any events, by the table functions of the published file."""

from __future__ import annotations

from datetime import date
from typing import Literal

from dashboard.queries.common import Result, ask, cached, listed_users
from dashboard.warehouse import Build

EVERYONE = "all"
# The first and the last day on which a funnel is entered; None is no end.
Days = tuple[date | None, date | None]


@cached
def events(build: Build) -> Result:
    """Names of the events, those of most users first."""
    return ask(
        build,
        """
        select event_name, max(ever_users) as users
        from feature_usage
        where segment = 'all'
        group by event_name
        order by users desc, event_name
        """,
        {},
    )


@cached
def marts(build: Build) -> Result:
    """Every mart with its columns, their types and what they mean."""
    return ask(
        build,
        """
        with marts as (
            select database_oid, table_oid, comment
            from duckdb_tables()
            where schema_name = 'main'
            union all
            select database_oid, view_oid, comment
            from duckdb_views()
            where schema_name = 'main' and not internal and view_name <> 'events'
        )

        select
            columns.table_name as mart,
            columns.column_name,
            columns.data_type,
            coalesce(columns.comment, '') as meaning,
            coalesce(marts.comment, '') as mart_meaning
        from duckdb_columns() as columns
        inner join marts
            on columns.table_oid = marts.table_oid
            and columns.database_oid = marts.database_oid
        order by mart, columns.column_index
        """,
        {},
    )


@cached
def funnel(
    build: Build,
    steps: tuple[str, ...],
    window_days: int,
    step_order: Literal["ordered", "strict", "unordered"],
    days: Days,
    segment: str,
) -> Result:
    """A funnel of events, step by step, for each value of the segment."""
    return ask(
        build,
        """
        select
            *,
            dropped_users / nullif(first(users) over by_value, 0) as dropped_share,
            pending_users / nullif(first(users) over by_value, 0) as pending_share
        from funnel(
            $steps::varchar[],
            to_days($window_days::integer),
            step_order := $step_order,
            segment := $segment,
            date_from := $date_from,
            date_to := $date_to
        )
        window by_value as (partition by segment_value order by step_number)
        order by segment_value, step_number
        """,
        {
            "steps": list(steps),
            "window_days": window_days,
            "step_order": step_order,
            "date_from": days[0],
            "date_to": days[1],
            "segment": None if segment == EVERYONE else segment,
        },
    )


@cached
def funnel_users(
    build: Build,
    steps: tuple[str, ...],
    window_days: int,
    step_order: Literal["ordered", "strict", "unordered"],
    days: Days,
    step_number: int,
) -> Result:
    """Who got as far as a step of that funnel, and no further."""
    return listed_users(
        build,
        """
        select user_id, entered_at, is_matured
        from funnel_users(
            $steps::varchar[],
            to_days($window_days::integer),
            step_order := $step_order,
            date_from := $date_from,
            date_to := $date_to
        )
        where deepest_step = $step_number
        """,
        {
            "steps": list(steps),
            "window_days": window_days,
            "step_order": step_order,
            "date_from": days[0],
            "date_to": days[1],
            "step_number": step_number,
        },
    )


@cached
def retention(
    build: Build,
    target: str,
    returning_event: str | None,
    period: Literal["day", "week", "month"],
    kind: Literal["first_time", "recurring"],
    days: Days,
) -> Result:
    """Who did `target` and came back to `returning_event`, by cohort and period."""
    return ask(
        build,
        """
        select
            cohort_start,
            period_number,
            cohort_users,
            retained_users,
            retention_rate,
            ci_low,
            ci_high,
            is_complete
        from retention(
            $target, $returning_event, period := $period, kind := $kind,
            date_from := $date_from, date_to := $date_to
        )
        where cohort_users > 0
        order by cohort_start, period_number
        """,
        {
            "target": target,
            "returning_event": returning_event,
            "period": period,
            "kind": kind,
            "date_from": days[0],
            "date_to": days[1],
        },
    )
