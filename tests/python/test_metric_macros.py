"""Macros refuse wrong arguments, and say which, what was given and what is allowed."""

from __future__ import annotations

import pytest

from tests.conformance.render import RenderError, render, render_each

EVENTS = {"events": "events"}
GRID = {
    "cohorts": "c",
    "user_days": "d",
    "user_segments": "s",
    "bounds": "b",
}
SESSIONIZE = {"events": "e", "columns": ["user_id"]}
REFUSED = [
    ("period_start", {"period": "year", "date": "d"}, "got 'year', allowed are: day"),
    (
        "period_start",
        {"period": "week", "date": "d", "week_start": "friday"},
        "week_start: got 'friday', allowed are: monday, sunday",
    ),
    (
        "period_of",
        {"period": "second", "timestamp": "t"},
        "period: got 'second', allowed are: minute, hour",
    ),
    (
        "retention_of_events",
        {**EVENTS, "kind": "weekly"},
        "kind: got 'weekly', allowed are: first_time, recurring",
    ),
    (
        "retention_of_events",
        {**EVENTS, "period": "minute"},
        "period: got 'minute', allowed are: hour",
    ),
    (
        "retention_of_events",
        {**EVENTS, "periods": 3},
        "periods: got 3, allowed are whole numbers from 1, with date_from",
    ),
    (
        "retention_brackets",
        {**GRID, "period": "day", "brackets": [[3, 1]]},
        "brackets: got [3, 1], each is [first, last]",
    ),
    (
        "retention_brackets",
        {**GRID, "period": "day", "brackets": "0-3"},
        "brackets: got 0-3, allowed is a list",
    ),
    (
        "stickiness_of_events",
        {**EVENTS, "every": 0},
        "every: got 0, allowed are whole numbers from 1",
    ),
    (
        "stickiness_of_events",
        {**EVENTS, "per_period": {"op": "about", "value": 2}},
        "op of per_period: got 'about', allowed are: eq",
    ),
    (
        "lifecycle_of_events",
        {**EVENTS, "date_from": "yesterday"},
        "date_from: got 'yesterday', allowed are",
    ),
    (
        "lifecycle_of_events",
        {**EVENTS, "event": {"name": "a", "evnt": "b"}},
        "event: got the key 'evnt', allowed are: event, where",
    ),
    (
        "sessionize",
        {**SESSIONIZE, "method": "guess"},
        "method of sessionize: got 'guess', allowed are: gap, supplied, marker",
    ),
    (
        "sessionize",
        {**SESSIONIZE, "method": "marker"},
        "marker of sessionize: got none",
    ),
    (
        "session_length_buckets",
        {"sessions": "s", "edges": [10, 3]},
        "edges: got [10, 3], allowed is a rising list",
    ),
    (
        "stickiness",
        {"user_days": "d", "user_segments": "s", "as_of_dates": "a", "windows": [0]},
        "windows of stickiness: got 0, allowed are whole numbers of days",
    ),
    ("paths", {**EVENTS, "max_steps": 0}, "max_steps: got 0, allowed are none and"),
    (
        "paths",
        {**EVENTS, "node": {"prop": "x"}},
        "allowed are SQL or {property: name}",
    ),
    (
        "flows",
        {**EVENTS, "primary_event": "p", "direction": "up"},
        "direction: got 'up', allowed are: before, after",
    ),
    (
        "flows",
        {**EVENTS, "primary_event": "p", "n_events": 0},
        "n_events: got 0, allowed are whole numbers",
    ),
]


@pytest.mark.parametrize(("macro", "arguments", "message"), REFUSED)
def test_a_wrong_argument_is_refused(macro: str, arguments: dict, message: str) -> None:
    (refused,) = render_each([(macro, arguments)])
    assert isinstance(refused, RenderError)
    assert message in str(refused)


def test_one_refused_call_leaves_the_others_whole() -> None:
    date = ("local_date", {"timestamp": "t"})
    first, refused, last = render_each([date, ("local_date", {"time": "t"}), date])
    assert first == last == "cast(t as date)"
    assert isinstance(refused, RenderError)


def test_vars_reach_the_macros() -> None:
    call = ("period_of", {"period": "week", "timestamp": "t"})
    (utc,) = render([call])
    (other,) = render(
        [call], {"reporting_timezone": "Asia/Tokyo", "week_start": "sunday"}
    )
    assert utc == "cast(date_trunc('week', cast(t as date)) as date)"
    assert "Asia/Tokyo" in other
    assert other.endswith("- 1)") or "+ -1)" in other


def test_text_of_a_caller_stays_text() -> None:
    name = 'it\'s "a" {{ name }} \U0001f600'
    (sql,) = render([("event_filter", {"event": name})])
    assert sql == "event_name = 'it''s \"a\" {{ name }} \U0001f600'"
