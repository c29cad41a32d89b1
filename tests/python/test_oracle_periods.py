"""Retention, lifecycle, stickiness and active users: macros and reference agree.

Streams lie around the edges of local days, weeks, months and hours, in timezones whose
clocks change within them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.conformance.render import render
from tests.oracle import active_users, lifecycle, retention, stickiness
from tests.oracle.events import Event, Users, as_text, matches, selected
from tests.oracle.harness import (
    STREAM_EVENTS,
    STREAM_SEGMENTS,
    Question,
    Row,
    check,
    of_each_stream,
)
from tests.oracle.periods import (
    Period,
    day_start,
    local_date,
    local_time,
    next_period,
    period_of,
    period_range,
    period_start_instant,
)
from tests.oracle.streams import EDGES, calendar_streams, hourly_streams

IS_P = {"property": "v", "op": "eq", "value": "p"}
IS_SET = {"property": "v", "op": "is_set"}
PRO = {"property": "plan", "op": "eq", "value": "pro"}
FREE = {"property": "plan", "op": "eq", "value": "free"}


class Asked(NamedTuple):
    """One set of arguments of a macro, in one timezone."""

    timezone: str
    arguments: dict[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, where it is given."""
        return self.arguments.get(name, default)

    @property
    def period(self) -> str:
        """The length of a period."""
        return self.get("period", "day")

    @property
    def week_start(self) -> str:
        """The day on which weeks start."""
        return self.get("week_start", "monday")

    def period_of(self, time: datetime) -> Period:
        """The period that an instant lies in."""
        return period_of(time, self.period, self.timezone, self.week_start)

    def events(self, events: list[Event], users: Users) -> list[Event]:
        """The events that `where`, `user_where` and `event` leave."""
        found = selected(events, self.get("where"), self.get("user_where"), users)
        event = self.get("event")
        selector = event if isinstance(event, Mapping) else {"event": event}
        return [event for event in found if matches(selector, event)]

    def from_instant(self) -> datetime | None:
        """The first instant of the range."""
        given = self.get("date_from")
        return None if given is None else self._instant(given)

    def to_instant(self) -> datetime | None:
        """The first instant after the range; a time stands for its instant alone."""
        given = self.get("date_to")
        if given is None:
            return None
        if len(given) == len("2026-01-01"):
            following = date.fromisoformat(given) + timedelta(days=1)
            return day_start(following, self.timezone)
        return self._instant(given) + timedelta(microseconds=1)

    def _instant(self, given: str) -> datetime:
        local = datetime.fromisoformat(given)
        instant = day_start(local.date(), self.timezone)
        while local_time(instant, self.timezone) < local:
            instant += timedelta(minutes=15)
        return instant

    def in_range(self, events: Iterable[Event]) -> list[Event]:
        """The events that lie in the range."""
        first, end = self.from_instant(), self.to_instant()
        return [
            event
            for event in events
            if (first is None or event.time >= first)
            and (end is None or event.time < end)
        ]

    def periods(self, events: list[Event]) -> list[Period]:
        """The periods of the range; of the events where it has no limits."""
        first, end = self.from_instant(), self.to_instant()
        times = [event.time for event in events]
        if (first is None or end is None) and not times:
            return []
        last = max(times) if end is None else end - timedelta(microseconds=1)
        return period_range(
            self.period_of(min(times) if first is None else first),
            self.period_of(last),
            self.period,
        )


def slices(
    events: list[Event], users: Users, asked: Asked
) -> list[tuple[tuple[str, str], set[str]]]:
    """Segment and value of each slice of users, and who is in it.

    Where there is nobody at all there is no slice either.
    """
    everyone = {event.user_id for event in events}
    if not everyone:
        return []
    result = [(("all", "all"), everyone)]
    if "user_segments" in asked.arguments:
        for value in sorted({_plan(users, user) for user in everyone}):
            members = {user for user in everyone if _plan(users, user) == value}
            result.append((("plan", value), members))
    return result


def _plan(users: Users, user: str) -> str:
    return users[user].get("plan", "(none)")


# Retention ---------------------------------------------------------------------------


def whole_until(data_end: datetime, asked: Asked) -> datetime:
    """Until when elapsed time counts as lived through: the last day begun, or the hour."""
    if asked.period == "hour":
        return data_end
    return day_start(local_date(data_end, asked.timezone), asked.timezone)


def retention_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Cells (or brackets) of every cohort of the range."""
    everyone = events if "user_segments" in asked.arguments else None
    events = selected(events, asked.get("where"), asked.get("user_where"), users)
    cohorts = asked.periods(events)
    if not cohorts:
        return []
    period, timezone = asked.period, asked.timezone
    data_end = asked.to_instant() or max(event.time for event in events)
    # The range begins with the whole period that it begins in.
    first = period_start_instant(cohorts[0], period, timezone)
    end = asked.to_instant()
    kept = [event for event in events if end is None or event.time < end]
    sliced = slices(kept if everyone is None else everyone, users, asked)
    if asked.get("kind") == "recurring":
        kept = [event for event in kept if event.time >= first]
    selectors = [
        given if isinstance(given, Mapping) else {"event": given}
        for given in (asked.get("target"), asked.get("returning"))
    ]
    found = {
        basis: [
            member
            for member in retention.members(
                kept,
                *selectors,
                period,
                asked.get("kind", "first_time"),
                basis,
                timezone,
                asked.week_start,
            )
            if member.joined_at >= first
        ]
        for basis in ("calendar", "elapsed")
    }
    rows: list[Row] = []
    for segment, members in sliced:
        for position, cohort in enumerate(cohorts):
            of_cohort = {
                basis: [
                    member
                    for member in found[basis]
                    if member.cohort == cohort and member.user_id in members
                ]
                for basis in found
            }
            if "brackets" in asked.arguments:
                for low, high in asked.get("brackets"):
                    joined = of_cohort["calendar"]
                    rows.append(
                        (
                            *segment,
                            cohort,
                            low,
                            high,
                            len(joined),
                            sum(retention.in_bracket(m, low, high) for m in joined),
                            retention.is_complete(
                                cohort, high, period, timezone, data_end
                            ),
                        )
                    )
                continue
            last = len(cohorts) - 1 - position
            if asked.get("last_period") is not None:
                last = min(last, asked.get("last_period"))
            for number in range(last + 1):
                cell = retention.cell(cohort, number, of_cohort["calendar"])
                elapsed = retention.cell(cohort, number, of_cohort["elapsed"])
                joined_before = period_start_instant(
                    next_period(cohort, period), period, timezone
                )
                lived = (number + 1) * retention.ELAPSED[period]
                rows.append(
                    (
                        *segment,
                        cohort,
                        number,
                        cell.cohort_users,
                        cell.on,
                        cell.on_or_after,
                        cell.through,
                        elapsed.on,
                        retention.is_complete(
                            cohort, number, period, timezone, data_end
                        ),
                        joined_before + lived <= whole_until(data_end, asked),
                    )
                )
    return rows


RETENTION_COLUMNS = (
    "segment, segment_value, cohort_start, period_number, cohort_users, retained_users,"
    " retained_on_or_after_users, retained_through_users, retained_elapsed_users,"
    " is_complete, is_elapsed_complete"
)
BRACKET_COLUMNS = (
    "segment, segment_value, cohort_start, first_period_number, last_period_number,"
    " cohort_users, retained_users, is_complete"
)


def range_of(timezone: str, first: int, last: int) -> dict[str, str]:
    """A range of local days, counted from the first of the timezone's streams."""
    start = EDGES[timezone]
    return {
        "date_from": str(start + timedelta(days=first)),
        "date_to": str(start + timedelta(days=last)),
    }


def retention_cases(timezone: str) -> list[Asked]:
    """What is asked of retention in a timezone."""
    whole = range_of(timezone, 1, 9)
    part = range_of(timezone, 3, 8)
    segmented = {"user_segments": STREAM_SEGMENTS}
    arguments: list[dict[str, Any]] = [
        {"target": "a", "last_period": 1},
        {**whole},
        {**part, "target": "a", "kind": "recurring"},
        {**part, "target": "a", "returning": "b", "kind": "recurring"},
        {**part, "target": "a", "returning": {"event": "b", "where": [IS_P]}},
        {**part, "target": {"event": "a", "where": [IS_SET]}, "returning": "a"},
        {**part, "target": "a", "last_period": 2, **segmented},
        {"target": "a", "period": "week"},
        {"target": "a", "period": "week", "week_start": "sunday", "kind": "recurring"},
        {**whole, "period": "week", "kind": "recurring", "returning": "b"},
        {**part, "period": "week", "week_start": "sunday", "target": "b"},
        {"period": "month", "target": "a"},
        {"period": "month", "kind": "recurring", "where": [IS_SET]},
        {**part, "target": "a", "brackets": [[0, 0], [1, 3], [2, 9]]},
        {"period": "week", "kind": "recurring", "brackets": [[0, 1], [3, 4]]},
    ]
    return [Asked(timezone, each) for each in arguments]


def hourly_range(timezone: str, first: int, last: int) -> dict[str, str]:
    """A range of hours of the local day on which the clocks change.

    It must not begin in an hour that the clocks show twice, which names no instant.
    """
    day = datetime.combine(EDGES[timezone] + timedelta(days=7), datetime.min.time())
    return {
        "date_from": (day + timedelta(hours=first)).isoformat(),
        "date_to": (day + timedelta(hours=last)).isoformat(),
    }


def hourly_retention_cases(timezone: str) -> list[Asked]:
    """Retention by the hour."""
    arguments: list[dict[str, Any]] = [
        {"period": "hour", "target": "a"},
        {"period": "hour", "kind": "recurring", "returning": "b"},
        {"period": "hour", "kind": "recurring", **hourly_range(timezone, 0, 6)},
    ]
    return [Asked(timezone, each) for each in arguments]


# Lifecycle ---------------------------------------------------------------------------


def lifecycle_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """States of every period of the range."""
    found = asked.events(events, users)
    rows = []
    for segment, members in slices(found, users, asked):
        states = lifecycle.lifecycle(
            [event for event in found if event.user_id in members],
            asked.periods(found),
            asked.period,
            asked.timezone,
            asked.week_start,
        )
        rows += [(*segment, s.period, *s.counts, len(s.active)) for s in states]
    return rows


LIFECYCLE_COLUMNS = (
    "segment, segment_value, period_start, new_users, returning_users,"
    " resurrected_users, dormant_users, active_users"
)


def lifecycle_cases(timezone: str) -> list[Asked]:
    """What is asked of lifecycle in a timezone."""
    part = range_of(timezone, 3, 12)
    arguments: list[dict[str, Any]] = [
        {},
        {"event": "a"},
        {**part, "event": {"event": "a", "where": [IS_SET]}},
        {**part, "user_segments": STREAM_SEGMENTS},
        {"period": "week"},
        {"period": "week", "week_start": "sunday", "event": "a"},
        {**part, "period": "week", "where": [IS_SET]},
        {"period": "month", "user_where": {"or": [PRO, FREE]}},
        {**part, "period": "month"},
    ]
    return [Asked(timezone, each) for each in arguments]


def hourly_lifecycle_cases(timezone: str) -> list[Asked]:
    """Lifecycle by the hour."""
    arguments: list[dict[str, Any]] = [
        {"period": "hour"},
        {"period": "hour", "event": "a", **hourly_range(timezone, 0, 6)},
    ]
    return [Asked(timezone, each) for each in arguments]


# Active users ------------------------------------------------------------------------


def broken_down(
    events: list[Event], asked: Asked
) -> list[tuple[tuple[str, str], list[Event]]]:
    """Segment and value of each slice of events, and its events; of none no slice."""
    if not events:
        return []
    result = [(("all", "all"), events)]
    name = asked.get("breakdown")
    if name is not None:
        by_value: dict[str, list[Event]] = {}
        for event in events:
            value = as_text(event.properties.get(name))
            by_value.setdefault("(not set)" if value is None else value, []).append(
                event
            )
        result += [((name, value), own) for value, own in by_value.items()]
    return result


def active_users_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Distinct users of each trailing window of each period of the range."""
    found = asked.events(events, users)
    rows: list[Row] = []
    for segment, own in broken_down(found, asked):
        for start in asked.periods(found):
            counts = []
            for length in asked.get("windows").values():
                window = [start]
                while len(window) < length:
                    earlier = period_start_instant(
                        window[-1], asked.period, asked.timezone
                    ) - timedelta(microseconds=1)
                    window.append(asked.period_of(earlier))
                inside = [e for e in own if asked.period_of(e.time) in window]
                counts.append(len({event.user_id for event in inside}))
            rows.append((*segment, start, *counts))
    return rows


def trailing_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """The same for windows of days or hours, as active_users counts them."""
    found = asked.events(events, users)
    count = {
        "day": active_users.trailing_days,
        "hour": active_users.trailing_hours,
    }[asked.period]
    return [
        (
            *segment,
            start,
            *(
                count(own, start, length, asked.timezone)
                for length in asked.get("windows").values()
            ),
        )
        for segment, own in broken_down(found, asked)
        for start in asked.periods(found)
    ]


def active_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Whichever reference counts such windows."""
    if asked.period in ("day", "hour"):
        return trailing_rows(events, users, asked)
    return active_users_rows(events, users, asked)


def range_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Distinct users of a range."""
    found = asked.in_range(asked.events(events, users))
    return [
        (*segment, len({event.user_id for event in own}))
        for segment, own in broken_down(found, asked)
    ]


def active_cases(timezone: str) -> list[Asked]:
    """What is asked of active users in a timezone."""
    part = range_of(timezone, 3, 12)
    trailing = {"windows": {"dau": 1, "wau": 7, "mau": 28}}
    arguments: list[dict[str, Any]] = [
        {**trailing},
        {**trailing, **part, "event": "a"},
        {**trailing, **part, "breakdown": "v"},
        {"windows": {"two": 2, "three": 3}, "where": [IS_SET]},
        {"windows": {"one": 1}, **part, "user_where": {"and": [PRO]}},
        {"windows": {"one": 1, "two": 2}, "period": "week"},
        {"windows": {"one": 1, "two": 2}, "period": "week", "week_start": "sunday"},
        {"windows": {"one": 1}, **part, "period": "week", "breakdown": "v"},
        {"windows": {"one": 1, "two": 2}, "period": "month", "event": "b"},
    ]
    return [Asked(timezone, each) for each in arguments]


def hourly_active_cases(timezone: str) -> list[Asked]:
    """Active users by the hour."""
    trailing = {"period": "hour", "windows": {"one": 1, "three": 3, "week": 168}}
    arguments: list[dict[str, Any]] = [
        {**trailing},
        {**trailing, "event": "a", **hourly_range(timezone, 0, 6)},
    ]
    return [Asked(timezone, each) for each in arguments]


def range_cases(timezone: str) -> list[Asked]:
    """What is asked of active users in a range."""
    part = range_of(timezone, 3, 12)
    arguments: list[dict[str, Any]] = [
        {},
        {**part, "event": "a"},
        {**part, "breakdown": "v", "where": [IS_SET]},
    ]
    return [Asked(timezone, each) for each in arguments]


# Stickiness --------------------------------------------------------------------------


def stickiness_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Users by the number of active periods of the range."""
    found = asked.events(events, users)
    periods = asked.periods(found)
    every = asked.get("every", 1)
    most = -(-len(periods) // every)
    rule = asked.get("per_period", {"op": "gte", "value": 1})
    if not periods:
        return []
    active = stickiness.active_periods(
        asked.in_range(found),
        asked.period,
        periods[0],
        every,
        asked.timezone,
        asked.week_start,
        rule["op"],
        rule["value"],
    ).values()
    exact = stickiness.exactly(active, most)
    at_least = stickiness.at_least(active, most)
    return [(number, exact[number], at_least[number]) for number in exact]


def stickiness_cases(timezone: str) -> list[Asked]:
    """What is asked of stickiness in a timezone."""
    whole = range_of(timezone, 1, 15)
    part = range_of(timezone, 3, 12)
    arguments: list[dict[str, Any]] = [
        {},
        {"event": "a", **whole},
        {**part, "every": 2},
        {**part, "every": 3, "where": [IS_SET]},
        *(
            {**part, "per_period": {"op": op, "value": 2}}
            for op in ("eq", "gte", "gt", "lte", "lt")
        ),
        {**part, "every": 4, "per_period": {"op": "gte", "value": 2}},
        {**part, "period": "week"},
        {"period": "week", "week_start": "sunday"},
        {"period": "month", "event": "a"},
        {**whole, "user_where": {"or": [FREE, PRO]}},
    ]
    return [Asked(timezone, each) for each in arguments]


def hourly_stickiness_cases(timezone: str) -> list[Asked]:
    """Stickiness by the hour."""
    arguments: list[dict[str, Any]] = [
        {"period": "hour"},
        {"period": "hour", "every": 2, **hourly_range(timezone, 0, 6)},
    ]
    return [Asked(timezone, each) for each in arguments]


def power_curve_rows(events: list[Event], users: Users, asked: Asked) -> list[Row]:
    """Users by active days in the trailing windows that end on each date."""
    rows: list[Row] = []
    for segment, members in slices(events, users, asked):
        own = [event for event in events if event.user_id in members]
        for day in AS_OF_DATES:
            for length in asked.get("windows"):
                active = stickiness.trailing_active_days(own, day, length).values()
                exact = stickiness.exactly(active, length)
                at_least = stickiness.at_least(active, length)
                rows += [
                    (*segment, day, length, n, exact[n], at_least[n], len(active))
                    for n in exact
                ]
    return rows


AS_OF_DATES = [EDGES["UTC"] + timedelta(days=number) for number in (0, 6, 9, 14, 40)]

POWER_CURVE_COLUMNS = (
    "segment, segment_value, as_of_date, window_days, active_days, users_exact,"
    " users_at_least, active_users"
)


def power_curve_questions() -> list[Question]:
    """The power curve, whose macro reads days: those of UTC, by a plain cast."""
    days = (
        "(select distinct user_id, cast(event_time as date) as activity_date"
        " from events as e where e.stream = streams.stream)"
    )
    dates = " union all ".join(f"select date '{d}' as as_of_date" for d in AS_OF_DATES)
    arguments = {
        "user_days": days,
        "user_segments": STREAM_SEGMENTS,
        "as_of_dates": f"({dates})",
        "windows": [3, 7],
    }
    (sql,) = render([("stickiness", arguments)])
    asked = Asked("UTC", arguments)
    return [
        Question(
            "stickiness(windows=[3, 7]) in UTC",
            of_each_stream(sql, POWER_CURVE_COLUMNS),
            lambda events, users: power_curve_rows(events, users, asked),
        )
    ]


# The tests ---------------------------------------------------------------------------

ZONES = {
    "UTC": 0.25,
    "Europe/Paris": 0.25,
    "America/New_York": 0.25,
    "Asia/Kolkata": 0.25,
}
"""Timezones, and the part of the streams that lies in each."""

DAILY_STREAMS = {zone: calendar_streams(zone) for zone in ZONES}
HOURLY_STREAMS = {zone: hourly_streams(zone) for zone in ZONES}

Rows = Callable[[list[Event], Users, Asked], list[Row]]


def questions_of(
    macro: str,
    columns: str | Callable[[Asked], str],
    cases: Iterable[Asked],
    rows: Rows,
    timezone: str,
) -> list[Question]:
    """The macro's SQL for each case beside the reference."""
    cases = list(cases)
    rendered = render(
        [(macro, {"events": STREAM_EVENTS, **case.arguments}) for case in cases],
        {"reporting_timezone": timezone},
    )
    return [
        Question(
            f"{macro}({case.arguments}) in {timezone}",
            of_each_stream(sql, columns if isinstance(columns, str) else columns(case)),
            lambda events, users, case=case: rows(events, users, case),
        )
        for case, sql in zip(cases, rendered, strict=True)
    ]


def retention_columns(asked: Asked) -> str:
    """What is compared of retention."""
    return BRACKET_COLUMNS if "brackets" in asked.arguments else RETENTION_COLUMNS


def active_columns(asked: Asked) -> str:
    """What is compared of active users."""
    return ", ".join(["segment, segment_value, period_start", *asked.get("windows")])


METRICS: dict[str, list[tuple[str, Any, Callable, Callable | None, Rows]]] = {
    "retention": [
        (
            "retention_of_events",
            retention_columns,
            retention_cases,
            hourly_retention_cases,
            retention_rows,
        )
    ],
    "lifecycle": [
        (
            "lifecycle_of_events",
            LIFECYCLE_COLUMNS,
            lifecycle_cases,
            hourly_lifecycle_cases,
            lifecycle_rows,
        )
    ],
    "active users": [
        (
            "active_users_of_events",
            active_columns,
            active_cases,
            hourly_active_cases,
            active_rows,
        ),
        (
            "active_users_in_range",
            "segment, segment_value, users",
            range_cases,
            None,
            range_rows,
        ),
    ],
    "stickiness": [
        (
            "stickiness_of_events",
            "active_periods, users_exact, users_at_least",
            stickiness_cases,
            hourly_stickiness_cases,
            stickiness_rows,
        )
    ],
}


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("metric", METRICS)
def test_periods_are_those_of_the_reference(
    metric: str, timezone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daily: list[Question] = []
    hourly: list[Question] = []
    for macro, columns, cases, hourly_cases, rows in METRICS[metric]:
        daily += questions_of(macro, columns, cases(timezone), rows, timezone)
        if hourly_cases is not None:
            hourly += questions_of(
                macro, columns, hourly_cases(timezone), rows, timezone
            )
    if metric == "stickiness" and timezone == "UTC":
        daily += power_curve_questions()
    share = ZONES[timezone]
    lines = [
        check(f"{metric} in {timezone}", DAILY_STREAMS[timezone], daily, share=share),
        check(
            f"{metric} by hour in {timezone}",
            HOURLY_STREAMS[timezone],
            hourly,
            share=share / 2,
        ),
    ]
    with capsys.disabled():
        print("\n" + "\n".join(lines))
