"""Funnels: every attempt of every actor, walked event by event.

An actor's events are ordered by time, then by the number of the first step that an
event matches (one that matches none comes last), then by event_id. A step counts when
it comes within the window of the entry, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.oracle.events import (
    Condition,
    Event,
    Selector,
    Users,
    as_text,
    matches,
    selected,
)
from tests.oracle.periods import local_date

ORDERS = ("ordered", "strict", "unordered")

Step = Selector
"""A selector, with "optional": True where the step may be left out."""

Exclusion = Mapping[str, Any]
"""A selector with from_step and to_step, counted from 1."""


@dataclass(frozen=True)
class Attempt:
    """One attempt: its entry, when each step was reached, and how it ended."""

    actor: str
    entry: Event
    step_times: tuple[datetime | None, ...]
    deepest: int
    """The last required step reached; for `unordered` the number of steps reached."""
    ended_by_exclusion: bool


@dataclass(frozen=True)
class Funnel:
    """What makes an attempt; see `design`: Metric semantics, Funnel."""

    steps: Sequence[Step]
    window: timedelta | None = None
    order: str = "ordered"
    strictly_increasing: bool = False
    exclusions: Sequence[Exclusion] = ()

    def first_step(self, event: Event) -> int | None:
        """The number of the first step that an event matches."""
        for number, step in enumerate(self.steps, start=1):
            if matches(step, event):
                return number
        return None

    def is_step(self, number: int, event: Event) -> bool:
        """Whether an event matches the step of a number."""
        return matches(self.steps[number - 1], event)

    def is_optional(self, number: int) -> bool:
        """Whether a step may be left out."""
        return bool(self.steps[number - 1].get("optional"))

    def in_order(self, events: Iterable[Event]) -> list[Event]:
        """The order in which an actor's events count."""

        def key(event: Event) -> tuple[datetime, int, str]:
            number = self.first_step(event)
            last = len(self.steps) + 1
            return event.time, last if number is None else number, event.event_id

        return sorted(events, key=key)

    def in_window(self, entry: Event, event: Event) -> bool:
        """Whether an event is not too late for an attempt that began with entry."""
        return self.window is None or event.time - entry.time <= self.window

    def may_follow(self, filled_at: datetime, event: Event) -> bool:
        """Whether an event's instant lets it count after a step filled at a time."""
        return event.time > filled_at if self.strictly_increasing else True

    def is_excluded(self, filled: int, event: Event) -> bool:
        """Whether an event ends an attempt that stands at step `filled`."""
        return any(
            exclusion["from_step"] <= filled < exclusion["to_step"]
            and matches(exclusion, event)
            for exclusion in self.exclusions
        )


def attempts(
    events: Iterable[Event],
    funnel: Funnel,
    count_by: str | None = None,
    where: Sequence[Condition] | None = None,
    user_where: Any = None,
    users: Users | None = None,
) -> list[Attempt]:
    """Every attempt of every actor, in the order of their entries.

    The actor is the user, or the value of the event property `count_by`; an event
    without that value has no actor. `where` and `user_where` leave out events before
    anything else, so what they leave out does not lie between two steps either.
    """
    if funnel.order not in ORDERS:
        raise ValueError(f"order {funnel.order!r} is not one of {ORDERS}")
    walk = {"ordered": _ordered, "strict": _strict, "unordered": _unordered}[
        funnel.order
    ]
    result = []
    for actor, actor_events in _by_actor(
        selected(events, where, user_where, users), count_by
    ).items():
        ordered = funnel.in_order(actor_events)
        for position, event in enumerate(ordered):
            if funnel.order == "unordered":
                opens = funnel.first_step(event) is not None
            else:
                opens = funnel.is_step(1, event)
            if opens:
                result.append(walk(actor, event, ordered[position + 1 :], funnel))
    return result


def _by_actor(events: Iterable[Event], count_by: str | None) -> dict[str, list[Event]]:
    actors: dict[str, list[Event]] = {}
    for event in events:
        actor = event.user_id
        if count_by is not None:
            actor = as_text(event.properties.get(count_by))
        if actor is not None:
            actors.setdefault(actor, []).append(event)
    return actors


def _ordered(actor: str, entry: Event, later: list[Event], funnel: Funnel) -> Attempt:
    """The next required step is filled by the earliest later event that matches it.

    An optional step between two required ones is reached by the earliest event between
    them that matches it; optional steps know nothing of each other.
    """
    count = len(funnel.steps)
    required = [n for n in range(1, count + 1) if not funnel.is_optional(n)]
    times: dict[int, datetime] = {1: entry.time}
    standing = 1
    ended = False
    for event in later:
        if not funnel.in_window(entry, event):
            break
        if not funnel.may_follow(times[standing], event):
            continue
        needed = next((number for number in required if number > standing), None)
        if needed is not None and funnel.is_step(needed, event):
            times[needed] = event.time
            standing = needed
            continue
        if funnel.is_excluded(standing, event):
            # After the last required step there is nothing left to end.
            ended = needed is not None
            break
        for optional in range(standing + 1, needed or count + 1):
            if optional not in times and funnel.is_step(optional, event):
                times[optional] = event.time
    return Attempt(
        actor,
        entry,
        tuple(times.get(number) for number in range(1, count + 1)),
        standing,
        ended,
    )


def _strict(actor: str, entry: Event, later: list[Event], funnel: Funnel) -> Attempt:
    """The very next event of the actor must match the next step."""
    times = [entry.time]
    ended = False
    for event in later:
        if len(times) == len(funnel.steps) or not funnel.in_window(entry, event):
            break
        if not funnel.may_follow(times[-1], event):
            continue
        if not funnel.is_step(len(times) + 1, event):
            ended = funnel.is_excluded(len(times), event)
            break
        times.append(event.time)
    return _chain(actor, entry, times, funnel, ended)


def _unordered(actor: str, entry: Event, later: list[Event], funnel: Funnel) -> Attempt:
    """Each event fills the lowest-numbered unfilled step that it matches."""
    first = funnel.first_step(entry)
    unfilled = [n for n in range(1, len(funnel.steps) + 1) if n != first]
    times = [entry.time]
    ended = False
    for event in later:
        if not unfilled or not funnel.in_window(entry, event):
            break
        if not funnel.may_follow(times[-1], event):
            continue
        wanted = [number for number in unfilled if funnel.is_step(number, event)]
        if wanted:
            unfilled.remove(wanted[0])
            times.append(event.time)
            continue
        if funnel.is_excluded(len(times), event):
            ended = True
            break
    return _chain(actor, entry, times, funnel, ended)


def _chain(
    actor: str, entry: Event, times: list[datetime], funnel: Funnel, ended: bool
) -> Attempt:
    missing = [None] * (len(funnel.steps) - len(times))
    return Attempt(actor, entry, (*times, *missing), len(times), ended)


def entered_between(
    found: Iterable[Attempt], first: date, last: date, timezone: str
) -> list[Attempt]:
    """The attempts whose entry lies on the local days from first to last."""
    return [
        attempt
        for attempt in found
        if first <= local_date(attempt.entry.time, timezone) <= last
    ]


def headline(found: Iterable[Attempt]) -> dict[str, Attempt]:
    """Each actor's headline attempt: the deepest, the earliest, the lowest event_id."""
    best: dict[str, Attempt] = {}
    for attempt in found:
        current = best.get(attempt.actor)
        if current is None or _rank(attempt) < _rank(current):
            best[attempt.actor] = attempt
    return best


def _rank(attempt: Attempt) -> tuple[int, datetime, str]:
    return -attempt.deepest, attempt.entry.time, attempt.entry.event_id


def is_matured(attempt: Attempt, window: timedelta | None, data_end: datetime) -> bool:
    """Whether the attempt's window has closed; without a window it is never open."""
    return window is None or attempt.entry.time + window <= data_end


def had_tie(attempt: Attempt) -> bool:
    """Whether two steps of the attempt fell on one instant."""
    reached = [time for time in attempt.step_times if time is not None]
    return len(set(reached)) < len(reached)
