"""Retention: who comes back, k periods after they joined a cohort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from tests.oracle.events import Event, Selector, Users, by_user, matches
from tests.oracle.periods import (
    Period,
    next_period,
    period_distance,
    period_of,
    period_start_instant,
)

ELAPSED = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
"""Length of an elapsed period; a month of elapsed time is 30 days."""


@dataclass(frozen=True)
class Member:
    """A user in a cohort, and the numbers of the periods in which they came back."""

    user_id: str
    cohort: Period
    joined_at: datetime
    active: frozenset[int]


@dataclass(frozen=True)
class Cell:
    """One cohort in one period (or bracket of periods)."""

    cohort: Period
    number: int
    cohort_users: int
    on: int
    on_or_after: int
    through: int
    """Active in this period and in every one before it, from period 0 on."""


def members(
    events: Iterable[Event],
    target: Selector,
    returning: Selector,
    period: str,
    cohorts: str = "first_time",
    basis: str = "calendar",
    timezone: str = "UTC",
    week_start: str = "monday",
    users: Users | None = None,
) -> list[Member]:
    """Who joined which cohort, and in which periods after it they came back.

    first_time: a user joins at their first event ever that matches `target`; recurring:
    in every period that has one, at the first one of the period. calendar: period k is
    the k-th calendar period after the cohort's, all of period 0 included; elapsed:
    period k is [joined + k lengths, joined + (k + 1) lengths).
    """
    result = []
    for user_id, own in by_user(events).items():
        own = sorted(own, key=lambda event: (event.time, event.event_id))
        joined: dict[Period, datetime] = {}
        for event in own:
            if matches(target, event, users):
                cohort = period_of(event.time, period, timezone, week_start)
                if cohorts == "recurring" or not joined:
                    joined.setdefault(cohort, event.time)
        returns = [event.time for event in own if matches(returning, event, users)]
        for cohort, joined_at in joined.items():
            active = set()
            for time in returns:
                if basis == "elapsed":
                    number = (time - joined_at) // ELAPSED[period]
                else:
                    number = period_distance(
                        cohort, period_of(time, period, timezone, week_start), period
                    )
                if number >= 0:
                    active.add(number)
            result.append(Member(user_id, cohort, joined_at, frozenset(active)))
    return result


def cell(cohort: Period, number: int, of_cohort: Sequence[Member]) -> Cell:
    """Counts of one cohort in one period."""
    on = on_or_after = through = 0
    for member in of_cohort:
        if number in member.active:
            on += 1
        if any(active >= number for active in member.active):
            on_or_after += 1
        if all(earlier in member.active for earlier in range(number + 1)):
            through += 1
    return Cell(cohort, number, len(of_cohort), on, on_or_after, through)


def grid(found: Iterable[Member], cohorts: Iterable[Period], last: int) -> list[Cell]:
    """Every cohort in every period up to the last, zeros included."""
    found = list(found)
    return [
        cell(cohort, number, [member for member in found if member.cohort == cohort])
        for cohort in cohorts
        for number in range(last + 1)
    ]


def in_bracket(member: Member, first: int, last: int) -> bool:
    """Whether a member came back in any period from first to last."""
    return any(first <= number <= last for number in member.active)


@cache
def is_complete(
    cohort: Period, number: int, period: str, timezone: str, data_end: datetime
) -> bool:
    """Whether a calendar period had ended when the data did."""
    for _ in range(number + 1):
        cohort = next_period(cohort, period)
    return period_start_instant(cohort, period, timezone) <= data_end
