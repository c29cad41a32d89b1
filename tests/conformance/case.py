"""A case file: read, checked, and put into a table that macros can read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

EVENT_COLUMNS = (
    "event_id",
    "user_id",
    "event_name",
    "properties",
    "user_properties",
    "event_time",
)


class BrokenCaseError(Exception):
    """A case file that cannot be asked; the text says why."""


@dataclass(frozen=True)
class Question:
    """A macro call whose rows are needed; `name` is the view that they become."""

    name: str
    macro: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A case as read; `timezone` is the reporting timezone of its dates and periods."""

    kind: str
    timezone: str
    semantics: str | None
    params: dict[str, Any]
    expected: dict[str, Any]
    users: list[dict[str, Any]]
    events: list[dict[str, Any]]

    def label(self, period_start: date | datetime) -> str:
        """A period as cases name it: a day, or the time on the reporting clock."""
        if isinstance(period_start, datetime):
            at = period_start.replace(tzinfo=UTC).astimezone(ZoneInfo(self.timezone))
            return label_key(at.replace(tzinfo=None).isoformat(timespec="seconds"))
        return period_start.isoformat()


def read_case(path: Path) -> Case:
    """The case of a file. Raises BrokenCaseError for what is not one."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BrokenCaseError(f"not readable as JSON: {problem}") from problem
    if not isinstance(raw, dict):
        raise BrokenCaseError(f"a case is an object, this is a {type(raw).__name__}")
    for field, kind in {
        "kind": str,
        "params": dict,
        "expected": dict,
        "events": list,
    }.items():
        if not isinstance(raw.get(field), kind):
            raise BrokenCaseError(f"{field!r} is missing or not a {kind.__name__}")
    if not raw["expected"]:
        raise BrokenCaseError("nothing is expected")
    timezone = raw.get("timezone", "UTC")
    try:
        ZoneInfo(timezone)
    except (ValueError, TypeError, OSError, KeyError) as problem:
        raise BrokenCaseError(f"no timezone {timezone!r}") from problem
    users = raw.get("users") or []
    return Case(
        kind=raw["kind"],
        timezone=timezone,
        semantics=raw.get("semantics"),
        params=raw["params"],
        expected=raw["expected"],
        users=users,
        events=_events(raw["events"], users),
    )


def load_events(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    """Creates the table `events` of a case; event_id is the place in the file."""
    frame = pd.DataFrame(case.events, columns=EVENT_COLUMNS)  # noqa: F841
    connection.execute("""
        create or replace table events as
        select
            cast(event_id as varchar) as event_id,
            cast(user_id as varchar) as user_id,
            cast(event_name as varchar) as event_name,
            cast(properties as varchar) as properties,
            cast(user_properties as varchar) as user_properties,
            cast(event_time as timestamp) as event_time
        from frame
    """)


def label_key(label: str) -> str:
    """A period's label in one spelling: a time with seconds, midnight as the day."""
    text = _time(label).isoformat(timespec="seconds")
    return text.removesuffix("T00:00:00")


def in_order_of(
    expected: Iterable[dict[str, Any]], got: Iterable[dict[str, Any]], *keys: str
) -> list[dict[str, Any]]:
    """Got items in the order of the expected ones with the same keys, then the rest."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(expected):
        places.setdefault(json.dumps([item.get(key) for key in keys]), []).append(place)

    def place_of(item: dict[str, Any]) -> int:
        left = places.get(json.dumps([item.get(key) for key in keys]))
        return left.pop(0) if left else 1_000_000

    return sorted(got, key=place_of)


def _events(raw: list[Any], users: list[Any]) -> list[dict[str, Any]]:
    try:
        properties = {
            str(user["user_id"]): user.get("properties") or {} for user in users
        }
    except (TypeError, KeyError, AttributeError) as problem:
        raise BrokenCaseError("each of 'users' needs a user_id") from problem
    events = []
    for number, event in enumerate(raw, start=1):
        if not isinstance(event, dict):
            raise BrokenCaseError(f"event {number} is not an object")
        for field in ("user_id", "event_name", "event_time"):
            if event.get(field) is None:
                raise BrokenCaseError(f"event {number} has no {field}")
        try:
            event_time = _time(event["event_time"])
        except (ValueError, TypeError) as problem:
            raise BrokenCaseError(
                f"event {number} has the event_time {event['event_time']!r}"
            ) from problem
        events.append(
            {
                "event_id": f"{number:09d}",
                "user_id": str(event["user_id"]),
                "event_name": event["event_name"],
                "properties": json.dumps(event.get("properties") or {}),
                "user_properties": json.dumps(
                    properties.get(str(event["user_id"]), {})
                ),
                "event_time": event_time,
            }
        )
    return events


def _time(text: str) -> datetime:
    """A time without an offset is UTC already."""
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
