"""Who is new, came back, or went; and how often those who are here come."""

from __future__ import annotations

from datetime import date

from dashboard.queries.common import Period, Result, Slice, ask, cached, listed_users
from dashboard.warehouse import Build


@cached
def lifecycle(build: Build, chosen: Slice, period: Period, by_value: bool) -> Result:
    """Users by state and period, and what these add up to.

    active_before: active users of the period before, of the whole history. growth_rate:
    how much more or fewer are active than then; the quick ratio is new and resurrected
    users per dormant one. Neither is known of a period that is not over.
    """
    return ask(
        build,
        """
        with states as (
            select
                *,
                lag(active_users) over (
                    partition by segment_value order by period_start
                ) as active_before
            from lifecycle_in(
                $period, segment := $segment, segment_values := $values,
                by_value := $by_value, date_to := $end
            )
        )

        select
            * replace (case when is_complete then quick_ratio end as quick_ratio),
            case when is_complete then
                safe_divide(active_users - active_before, active_before)
            end as growth_rate
        from states
        where period_start >= (
            select coalesce(max(mart.period_start), $start)
            from lifecycle as mart
            where mart.period = $period
                and mart.segment = 'all'
                and mart.period_start <= $start
        )
        order by segment_value, period_start
        """,
        {**chosen.parameters, "period": period, "by_value": by_value},
    )


@cached
def users_in_state(
    build: Build, chosen: Slice, period: Period, start: date, state: str
) -> Result:
    """Who was new, returning, resurrected or dormant in a period."""
    return listed_users(
        build,
        """
        select user_id, first_active_date, last_active_date
        from lifecycle_users_in(
            $state, $start, period := $period,
            segment := $segment, segment_values := $values
        )
        """,
        {**chosen.who, "period": period, "start": start, "state": state},
    )


@cached
def stickiness_dates(build: Build, chosen: Slice) -> Result:
    """Days whose power curve is known, the newest first, and whether it is of full days."""
    return ask(
        build,
        """
        select window_days, as_of_date, bool_and(is_full_window) as is_full_window
        from stickiness
        where segment = 'all' and as_of_date between $start and $end
        group by window_days, as_of_date
        order by window_days, as_of_date desc
        """,
        {"start": chosen.start, "end": chosen.end},
    )


@cached
def stickiness(
    build: Build, chosen: Slice, window_days: int, as_of: date, by_value: bool
) -> Result:
    """Users by the number of days on which they were active in a trailing window."""
    return ask(
        build,
        """
        select *
        from stickiness_in(
            $window_days, segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $as_of, date_to := $as_of
        )
        order by segment_value, active_days
        """,
        {
            **chosen.who,
            "window_days": window_days,
            "as_of": as_of,
            "by_value": by_value,
        },
    )


@cached
def users_by_active_days(
    build: Build, chosen: Slice, window_days: int, as_of: date, active_days: int
) -> Result:
    """Who was active on exactly so many days of the window."""
    return listed_users(
        build,
        """
        select user_id, active_days, events, last_event_at
        from active_users_in(
            segment := $segment, segment_values := $values,
            date_from := $as_of::date - ($window_days::integer - 1), date_to := $as_of
        )
        where active_days = $active_days
        """,
        {
            **chosen.who,
            "window_days": window_days,
            "as_of": as_of,
            "active_days": active_days,
        },
    )
