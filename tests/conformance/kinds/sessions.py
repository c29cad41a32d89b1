"""Sessions: by gap, by a supplied id or by a marker; each one, or totals."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question, in_order_of, label_key

PERIODS = ("hour", "day", "week", "month")
FIELDS = (
    "sessions",
    "session_count",
    *(f"session_count_by_{period}" for period in PERIODS),
    "avg_seconds_overall",
    *(f"avg_seconds_by_{period}" for period in PERIODS),
    "length_buckets",
)
FROM, TO = "from_exclusive", "to_inclusive"
COLUMNS = ("event_id", "user_id", "event_name", "properties", "event_time")


def questions(case: Case) -> list[Question]:
    """Events with their session, a row per session, then the expected totals."""
    params = case.params
    asked = [
        Question("filtered_events", "matching_events", _filter(params)),
        Question("session_events", "sessionize", _method(params)),
        Question("sessions", "session_summary", {"events": "session_events"}),
    ]
    limits = {key: params.get(key) for key in ("date_from", "date_to", "week_start")}
    if {"session_count", "avg_seconds_overall"} & set(case.expected):
        asked.append(
            Question(
                "overall", "sessions_by_period", {"sessions": "sessions", **limits}
            )
        )
    for period in PERIODS:
        if any(field.endswith(f"_by_{period}") for field in case.expected):
            arguments = {"sessions": "sessions", "period": period, **limits}
            asked.append(Question(f"by_{period}", "sessions_by_period", arguments))
    if "length_buckets" in case.expected:
        buckets = case.expected["length_buckets"]
        edges = [buckets[0].get(FROM), *(bucket.get(TO) for bucket in buckets)]
        arguments = {
            "sessions": "sessions",
            "edges": [edge for edge in edges if edge is not None],
        }
        asked.append(Question("buckets", "session_length_buckets", arguments))
    return asked


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The expected fields; an average over no sessions is null."""
    got: dict[str, Any] = {}
    for field, expected in case.expected.items():
        if field == "sessions":
            sessions = [_session(row) for row in rows["sessions"]]
            got[field] = in_order_of(expected, sessions, "user_id", "start")
        elif field == "length_buckets":
            ends = [(each.get(FROM), each.get(TO)) for each in expected]
            found = {
                (each[FROM], each[TO]): each for each in map(_bucket, rows["buckets"])
            }
            got[field] = [found.get(each) for each in ends]
        elif field == "session_count":
            got[field] = rows["overall"][0]["sessions"]
        elif field == "avg_seconds_overall":
            got[field] = rows["overall"][0]["average_seconds"]
        else:
            measure, _, period = field.rpartition("_by_")
            column = "sessions" if measure == "session_count" else "average_seconds"
            found = {
                case.label(row["period_start"]): row[column]
                for row in rows[f"by_{period}"]
            }
            got[field] = {label: found.get(label_key(label), 0) for label in expected}
    return got


def _filter(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "events": "events",
        **{key: params.get(key) for key in ("event", "where", "user_where")},
    }


def _method(params: dict[str, Any]) -> dict[str, Any]:
    """Arguments of sessionize for the method of a case."""
    method = params.get("method", "inactivity_gap")
    common = {"events": "filtered_events", "columns": list(COLUMNS)}
    if method == "inactivity_gap":
        return {**common, "method": "gap", "gap_seconds": params.get("gap_seconds")}
    if method == "supplied_id":
        return {
            **common,
            "method": "supplied",
            "supplied_id": {"property": params["property"]},
            "dedupe_by": {"property": params["dedupe_by"]}
            if params.get("dedupe_by")
            else None,
            "max_session_seconds": params.get("max_session_seconds"),
        }
    if method == "start_marker":
        return {
            **common,
            "method": "marker",
            "marker": params["marker_event"],
            "marker_counted": params.get("marker_counted", True),
        }
    raise ValueError(
        f"method: got {method!r}, allowed are: inactivity_gap, supplied_id,"
        " start_marker"
    )


def _session(row: dict[str, Any]) -> dict[str, Any]:
    """A session as cases list it; times are UTC."""
    return {
        "user_id": row["user_id"],
        "session_id": row["session_id"],
        "start": row["started_at"].isoformat(),
        "end": row["ended_at"].isoformat(),
        "events": row["event_count"],
        "seconds": row["duration_seconds"],
        "entry_event": row["entry_event"],
        "exit_event": row["exit_event"],
        "is_bounce": row["is_bounce"],
    }


def _bucket(row: dict[str, Any]) -> dict[str, Any]:
    return {
        FROM: _number(row["longer_than_seconds"]),
        TO: _number(row["up_to_seconds"]),
        "count": row["sessions"],
    }


def _number(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value
