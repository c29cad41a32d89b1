"""Active users: distinct users of a day, a trailing window or a calendar period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from tests.oracle.events import Event
from tests.oracle.periods import Period, local_date, period_of


def trailing_days(
    events: Iterable[Event], day: date, length: int, timezone: str = "UTC"
) -> int:
    """Distinct users of a local day and the `length - 1` days before it."""
    users = set()
    for event in events:
        if 0 <= (day - local_date(event.time, timezone)).days < length:
            users.add(event.user_id)
    return len(users)


def trailing_hours(
    events: Iterable[Event], hour: datetime, length: int, timezone: str = "UTC"
) -> int:
    """Distinct users of an hour (its first instant, UTC) and the hours before it."""
    users = set()
    for event in events:
        start = period_of(event.time, "hour", timezone)
        if timedelta(0) <= hour - start < timedelta(hours=length):
            users.add(event.user_id)
    return len(users)


def in_period(
    events: Iterable[Event],
    start: Period,
    period: str,
    timezone: str = "UTC",
    week_start: str = "monday",
) -> int:
    """Distinct users of a calendar period."""
    users = set()
    for event in events:
        if period_of(event.time, period, timezone, week_start) == start:
            users.add(event.user_id)
    return len(users)


def in_range(
    events: Sequence[Event], first: date, last: date, timezone: str = "UTC"
) -> int:
    """Distinct users of the local days from first to last."""
    return len(
        {e.user_id for e in events if first <= local_date(e.time, timezone) <= last}
    )
