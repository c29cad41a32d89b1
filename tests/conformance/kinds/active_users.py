"""Active users: trailing windows by day and hour, calendar periods, breakdowns."""

from __future__ import annotations

import re
from typing import Any

from tests.conformance.case import Case, Question, label_key

SERIES = {
    # expected field: period, window in periods, the params that may say another window
    "dau": ("day", 1, ()),
    "wau": ("day", 7, ("wau",)),
    "mau": ("day", 30, ("mau",)),
    "calendar_week": ("week", 1, ()),
    "calendar_month": ("month", 1, ()),
    "wau_hourly": ("hour", 168, ("hourly", "wau_hourly")),
    "wau_hourly_sum": ("hour", 168, ("hourly", "wau_hourly")),
}
FIELDS = (*SERIES, "range_unique", "breakdown")


def questions(case: Case) -> list[Question]:
    """A call for each series that is expected, and one for the range's users."""
    params = case.params
    common = {
        "events": "events",
        "event": params.get("event"),
        "breakdown": _breakdown(params.get("breakdown")),
        "where": params.get("where"),
        "user_where": params.get("user_where"),
    }
    asked = []
    for field in _fields(case) & set(SERIES):
        period, window, says = SERIES[field]
        labels = sorted(_labels(case, field))
        arguments = {
            **common,
            "windows": {"users": _said_window(params, says, window)},
            "period": period,
            "week_start": params.get("week_start"),
            "date_from": labels[0] if labels else params.get("date_from"),
            "date_to": labels[-1] if labels else params.get("date_to"),
        }
        asked.append(Question(field, "active_users_of_events", arguments))
    if "range_unique" in _fields(case):
        arguments = {
            **common,
            "date_from": params.get("date_from"),
            "date_to": params.get("date_to"),
        }
        asked.append(Question("range_unique", "active_users_in_range", arguments))
    return asked


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The expected fields, for everyone and per value of the breakdown."""
    return {
        field: {
            value: {
                inner: _read(case, rows, inner, wanted, value)
                for inner, wanted in fields.items()
            }
            for value, fields in expected.items()
        }
        if field == "breakdown"
        else _read(case, rows, field, expected, None)
        for field, expected in case.expected.items()
    }


def _read(
    case: Case,
    rows: dict[str, list[dict[str, Any]]],
    field: str,
    expected: Any,
    value: str | None,
) -> Any:
    """One field of one slice; a slice that no event has is 0 throughout."""
    mine = [
        row
        for row in rows[field]
        if (row["segment"] == "all" if value is None else _is_value(row, value))
    ]
    if field == "range_unique":
        return sum(row["users"] for row in mine)
    found = {case.label(row["period_start"]): row["users"] for row in mine}
    if field == "wau_hourly_sum":
        first, last = label_key(expected["from"]), label_key(expected["to"])
        total = sum(users for label, users in found.items() if first <= label <= last)
        return {**expected, "sum": total}
    return {label: found.get(label_key(label), 0) for label in expected}


def _breakdown(given: Any) -> str | None:
    """The property's name, also where it is given as {property: name}."""
    return given["property"] if isinstance(given, dict) else given


def _is_value(row: dict[str, Any], value: str) -> bool:
    return row["segment"] != "all" and row["segment_value"] == value


def _fields(case: Case) -> set[str]:
    """Names of all expected fields, also inside a breakdown."""
    inner = (case.expected.get("breakdown") or {}).values()
    return (set(case.expected) - {"breakdown"}) | {
        name for each in inner for name in each
    }


def _labels(case: Case, field: str) -> list[str]:
    """The periods that are expected of a field, over all slices."""
    inner = (case.expected.get("breakdown") or {}).values()
    wanted = [each.get(field) or {} for each in (case.expected, *inner)]
    if field == "wau_hourly_sum":
        return [each[end] for each in wanted if each for end in ("from", "to")]
    return [label for each in wanted for label in each]


def _said_window(params: dict[str, Any], names: tuple[str, ...], default: int) -> int:
    """The length that a text such as `rolling 7 days` in params says."""
    for name in names:
        said = re.search(r"rolling (\d+)", str(params.get(name, "")))
        if said:
            return int(said.group(1))
    return default
