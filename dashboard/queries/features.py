"""Who uses what."""

from __future__ import annotations

from dashboard.queries.common import Period, Result, Slice, ask, cached
from dashboard.warehouse import Build


@cached
def features(build: Build, chosen: Slice, period: Period) -> Result:
    """Who used what in the newest period of which one knows who came back after it."""
    return ask(
        build,
        """
        with usage as (
            select *
            from feature_usage
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
        ),

        newest as (
            select max(period_start) as period_start
            from usage
            where is_complete and is_next_complete
                and period_start between date_trunc($period, $start) and $end
        ),

        newest_usage as (
            select usage.* from usage inner join newest using (period_start)
        ),

        actives_by_value as (
            select
                segment_value,
                max(active_users) as active_users,
                max(retained_active_users) as retained_active_users
            from newest_usage
            group by segment_value
        ),

        actives as (
            select
                sum(active_users)::bigint as active_users,
                sum(retained_active_users)::bigint as retained_active_users
            from actives_by_value
        ),

        counted as (
            select
                period_start,
                event_name,
                sum(users)::bigint as users,
                sum(repeat_users)::bigint as repeat_users,
                sum(events)::bigint as events,
                sum(retained_users)::bigint as retained_users
            from newest_usage
            group by period_start, event_name
        ),

        rates as (
            select
                counted.*,
                actives.active_users,
                users / nullif(actives.active_users, 0) as adoption_rate,
                repeat_users / nullif(users, 0) as repeat_rate,
                events / nullif(users, 0) as events_per_user,
                retained_users / nullif(users, 0) as retained_with_rate,
                (retained_active_users - retained_users)
                    / nullif(actives.active_users - users, 0) as retained_without_rate
            from counted
            cross join actives
        )

        select *, retained_with_rate - retained_without_rate as difference
        from rates
        order by users desc, event_name
        """,
        {**chosen.parameters, "period": period},
    )
