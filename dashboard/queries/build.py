"""What the build is, and what it can be sliced by."""

from __future__ import annotations

import pandas as pd

from dashboard.queries.common import cached
from dashboard.warehouse import Build, query


@cached
def build_info(build: Build) -> pd.DataFrame:
    """One row: as of when, built when, how many tests passed, and the days known."""
    return query(
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
def segments(build: Build) -> pd.DataFrame:
    """Segments and their values: the largest first, users without one last."""
    return query(
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
