"""Who is new, came back, or went."""

from __future__ import annotations

from dashboard.queries.common import Period, Result, Slice, ask, cached
from dashboard.warehouse import Build


@cached
def lifecycle(build: Build, chosen: Slice, period: Period) -> Result:
    """New, returning, resurrected and dormant users by period."""
    return ask(
        build,
        """
        select
            period_start,
            sum(new_users)::bigint as new_users,
            sum(returning_users)::bigint as returning_users,
            sum(resurrected_users)::bigint as resurrected_users,
            sum(dormant_users)::bigint as dormant_users,
            bool_and(is_complete) as is_complete
        from lifecycle
        where period = $period
            and segment = $segment
            and list_contains($values, segment_value)
            and period_start between date_trunc($period, $start) and $end
        group by period_start
        order by period_start
        """,
        {**chosen.parameters, "period": period},
    )
