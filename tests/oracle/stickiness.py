"""Stickiness: in how many periods of a range (or trailing window) users were active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction

from tests.oracle.events import Event, by_user
from tests.oracle.periods import (
    Period,
    local_date,
    period_distance,
    period_of,
)

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda count, value: count == value,
    "gte": lambda count, value: count >= value,
    "lte": lambda count, value: count <= value,
    "gt": lambda count, value: count > value,
    "lt": lambda count, value: count < value,
}


def active_periods(
    events: Iterable[Event],
    period: str,
    first: Period,
    every: int = 1,
    timezone: str = "UTC",
    week_start: str = "monday",
    comparison: str = "gte",
    occurrences: int = 1,
) -> dict[str, int]:
    """How many periods each user was active in; users with none are left out.

    `events` are those of the range. `every` periods in a row count as one, counted from
    the period `first`. A period counts where its number of events compares so with
    `occurrences`; one without events never counts.
    """
    result = {}
    for user_id, own in by_user(events).items():
        per_group: Counter[int] = Counter()
        for event in own:
            start = period_of(event.time, period, timezone, week_start)
            per_group[period_distance(first, start, period) // every] += 1
        active = 0
        for count in per_group.values():
            if COMPARISONS[comparison](count, occurrences):
                active += 1
        if active:
            result[user_id] = active
    return result


def exactly(active: Iterable[int], most: int) -> dict[int, int]:
    """Users by exactly 1, 2, ... active periods, zeros included."""
    active = list(active)
    return {n: sum(1 for count in active if count == n) for n in range(1, most + 1)}


def at_least(active: Iterable[int], most: int) -> dict[int, int]:
    """Users by at least 1, 2, ... active periods, zeros included."""
    active = list(active)
    return {n: sum(1 for count in active if count >= n) for n in range(1, most + 1)}


def trailing_active_days(
    events: Iterable[Event], day: date, length: int, timezone: str = "UTC"
) -> dict[str, int]:
    """Active days of each user in the trailing days that end with `day`."""
    result = {}
    for user_id, own in by_user(events).items():
        days = set()
        for event in own:
            local = local_date(event.time, timezone)
            if day - timedelta(days=length) < local <= day:
                days.add(local)
        if days:
            result[user_id] = len(days)
    return result


def dau_over_mau(
    events: Sequence[Event], day: date, length: int = 28, timezone: str = "UTC"
) -> Fraction | None:
    """DAU averaged over the trailing days, divided by their distinct users."""
    active = trailing_active_days(events, day, length, timezone)
    if not active:
        return None
    return Fraction(sum(active.values()), length * len(active))
