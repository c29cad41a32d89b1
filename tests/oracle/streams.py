"""Hypothesis strategies for event streams that hurt.

Few users, few event names, few instants: ties, repeats, identical rows, and gaps
exactly at an edge or a microsecond off it, are common instead of rare. Events come in
no order of time, and their ids sort as text, in yet another order. A stream may be
empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import prod
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.oracle.events import Event, Users
from tests.oracle.periods import day_start

MICROSECOND = timedelta(microseconds=1)

NAMES = ("a", "b", "c", "d", "x")
VALUES: tuple[Any, ...] = ("p", None, "q", "P q", True, 20, "it's")
"""Values of the property v; None stands for an event without it."""

USER_PROPERTIES: tuple[dict[str, Any], ...] = (
    {},
    {"plan": "pro", "email": "a@x.org", "age": 20},
    {"plan": "free", "email": "b@x.com", "age": "28"},
    {"plan": "pro", "email": "C@X.COM"},
)

DST_EVE = datetime(2026, 3, 29, 0, 59, 55)
"""Five seconds (UTC) before Europe/Paris puts its clocks forward."""


class Sketch(NamedTuple):
    """An event of a stream before it has ids: what a strategy draws."""

    user: int
    name: str
    time: datetime
    value: Any = None
    group: int = 0
    """Which of the user's supplied sessions the event belongs to; 0 for none."""


Stream = tuple[Sketch, ...]


def events_of(stream: Stream, number: int) -> list[Event]:
    """The events of a stream; its number is the prefix of every id."""
    events = []
    for position, sketch in enumerate(stream):
        properties: dict[str, Any] = {}
        if sketch.value is not None:
            properties["v"] = sketch.value
        session = None
        if sketch.group:
            # Two users of one stream may carry the same id.
            session = f"{number}:s{sketch.group}"
            properties["s"] = session
        events.append(
            Event(
                event_id=f"{number}:{position}",
                user_id=f"{number}:u{sketch.user}",
                name=sketch.name,
                time=sketch.time,
                properties=properties,
                session_id=session,
            )
        )
    return events


def users_of(stream: Stream, number: int) -> Users:
    """The users of a stream, whose properties depend on their number alone."""
    return {
        f"{number}:u{user}": USER_PROPERTIES[(number + user) % len(USER_PROPERTIES)]
        for user in {sketch.user for sketch in stream}
    }


def stream_of(identifier: str) -> int:
    """The number of the stream that an id belongs to."""
    return int(identifier.split(":", 1)[0])


def _combinations(*choices: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One of each of the choices, drawn as one number: a batch draws many of them.

    Hypothesis prefers small numbers. They are spread over all choices, so that what it
    prefers is not the first of each but some combinations: rows that repeat.
    """
    count = prod(map(len, choices))
    spread = 104_729  # a prime that no number of choices has as a factor

    def chosen(number: int) -> tuple[Any, ...]:
        number = number * spread % count
        picked = []
        for choice in choices:
            number, index = divmod(number, len(choice))
            picked.append(choice[index])
        return tuple(picked)

    return st.integers(0, count - 1).map(chosen)


def _streams(
    times: Sequence[datetime], users: int, names: Sequence[str], most: int
) -> st.SearchStrategy[Stream]:
    # Most events are the first user's, so that one user has many.
    of_users = (0,) * (2 * users - 2) + tuple(range(users))
    event = _combinations(of_users, names, times, VALUES, range(3))
    return st.lists(event, max_size=most).map(
        lambda drawn: tuple(Sketch(*choice) for choice in drawn)
    )


JITTER = (
    timedelta(0),
    timedelta(0),
    timedelta(0),
    timedelta(0),
    MICROSECOND,
    -MICROSECOND,
)


def short_streams(
    users: int = 2,
    most: int = 12,
    unit: timedelta = timedelta(seconds=1),
    names: Sequence[str] = NAMES,
) -> st.SearchStrategy[Stream]:
    """Up to nine whole units of time, across a change of clocks.

    Some events are a microsecond early or late.
    """
    times = [DST_EVE + n * unit + late for n in range(10) for late in JITTER]
    return _streams(times, users, names, most)


EDGES: dict[str, date] = {
    "UTC": date(2026, 12, 25),
    "Europe/Paris": date(2026, 3, 22),
    "America/New_York": date(2026, 10, 25),
    "Asia/Kolkata": date(2028, 2, 22),
}
"""The first day of a timezone's streams: before the end of a year, a change of clocks
or a leap day, with an end of a month and of two weeks after it."""

WITHIN_DAY = (
    timedelta(0),
    timedelta(hours=12),
    -MICROSECOND,
    MICROSECOND,
    timedelta(hours=1),
    timedelta(hours=1, minutes=30),
    timedelta(hours=2) - MICROSECOND,
    timedelta(hours=2, minutes=30),
    timedelta(hours=23),
    timedelta(hours=24) - MICROSECOND,
)
"""Since the first instant of a local day."""


def calendar_streams(
    timezone: str,
    users: int = 3,
    most: int = 16,
    days: int = 16,
    names: Sequence[str] = ("a", "b"),
) -> st.SearchStrategy[Stream]:
    """Instants at and around the edges of local days, weeks and months."""
    # A few days a month or two away: gaps longer than any window.
    numbers = (*range(days), *range(days), 31, 40, 68)
    starts = [day_start(EDGES[timezone] + timedelta(days=n), timezone) for n in numbers]
    times = [start + within for start in starts for within in WITHIN_DAY]
    return _streams(times, users, names, most)


def hourly_streams(
    timezone: str,
    users: int = 3,
    most: int = 16,
    names: Sequence[str] = ("a", "b"),
) -> st.SearchStrategy[Stream]:
    """The hours around a change of clocks (or a midnight), quarter by quarter."""
    change = day_start(EDGES[timezone] + timedelta(days=7), timezone)
    quarters = [change + n * timedelta(minutes=15) for n in range(-8, 28)]
    times = [quarter + late for quarter in quarters for late in JITTER]
    return _streams(times, users, names, most)
