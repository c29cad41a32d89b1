"""What the build is, what it can be sliced by, and what its columns mean."""

from __future__ import annotations

from dashboard.queries.common import Result, ask, cached
from dashboard.warehouse import Build


@cached
def info(build: Build) -> Result:
    """One row: as of when, built when, how many tests passed, and the days known."""
    return ask(
        build,
        """
        select
            build_info.*,
            (select min(activity_date) from daily_active) as first_day,
            (select max(activity_date) from daily_active) as last_day
        from build_info
        """,
        {},
    )


@cached
def segments(build: Build) -> Result:
    """Segments and their values: the largest first, users without one last."""
    return ask(
        build,
        """
        select segment, segment_value
        from daily_active
        where segment <> 'all'
        group by segment, segment_value
        order by segment, segment_value = '(not set)', max(mau) desc, segment_value
        """,
        {},
    )


@cached
def descriptions(build: Build) -> Result:
    """What each mart (column_name NULL) and each of its columns means."""
    return ask(
        build,
        """
        select table_name, null as column_name, comment
        from duckdb_tables()
        where comment is not null
        union all
        select view_name, null, comment
        from duckdb_views()
        where comment is not null
        union all
        select table_name, column_name, comment
        from duckdb_columns()
        where comment is not null
        """,
        {},
    )
