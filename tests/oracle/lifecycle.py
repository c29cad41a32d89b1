"""Lifecycle: where active users come from and where they go, period by period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.oracle.events import Event
from tests.oracle.periods import Period, period_of, previous_period


@dataclass(frozen=True)
class States:
    """The users in each state of one period."""

    period: Period
    new: frozenset[str]
    returning: frozenset[str]
    resurrected: frozenset[str]
    dormant: frozenset[str]

    @property
    def active(self) -> frozenset[str]:
        """Who was active in the period."""
        return self.new | self.returning | self.resurrected

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many are new, returning, resurrected, dormant."""
        return (
            len(self.new),
            len(self.returning),
            len(self.resurrected),
            len(self.dormant),
        )


def lifecycle(
    events: Iterable[Event],
    periods: Iterable[Period],
    period: str,
    timezone: str = "UTC",
    week_start: str = "monday",
) -> list[States]:
    """States of the users in each of the periods; `events` is the whole history.

    new: first active period ever; returning: active in this and in the previous one;
    resurrected: active, not in the previous one, not new; dormant: active in the
    previous one, not in this one.
    """
    active: dict[Period, set[str]] = {}
    for event in events:
        start = period_of(event.time, period, timezone, week_start)
        active.setdefault(start, set()).add(event.user_id)
    result = []
    for start in periods:
        now = active.get(start, set())
        before = active.get(previous_period(start, period), set())
        known = {user for other in active if other < start for user in active[other]}
        result.append(
            States(
                start,
                new=frozenset(now - known),
                returning=frozenset(now & before),
                resurrected=frozenset((now & known) - before),
                dormant=frozenset(before - now),
            )
        )
    return result
