"""Paths: edges between consecutive events of a session, and flows around an event.

Besides the shared schema: params may have `end_point`, `max_steps` and `top_nodes`, and
`closed_edges` is expected with the ways in and out: (start), (exit) and their like.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question, in_order_of

FIELDS = ("edges", "closed_edges", "flows")
COLUMNS = ("event_id", "user_id", "event_name", "properties", "event_time")
LIMITS = ("start_point", "end_point", "max_steps", "top_nodes")
ENDS = ("(start)", "(earlier)", "(exit)", "(continues)")


def questions(case: Case) -> list[Question]:
    """The events that are steps, their sessions, then the edges or the flows."""
    params = case.params
    where = {key: params.get(key) for key in ("where", "user_where")}
    steps = {"events": "events", "event": params.get("event"), **where}
    if params.get("event_not") is not None:
        steps["event_not"] = params["event_not"]
    asked = [Question("steps", "matching_events", steps)]
    if "flows" in case.expected:
        arguments = {
            "events": "steps",
            "primary_event": params["primary_event"],
            "direction": params.get("direction", "after"),
            "n_events": params.get("n_events", 5),
            "node": params.get("node", "event_name"),
        }
        asked.append(Question("flows", "flows", arguments))
    if {"edges", "closed_edges"} & set(case.expected):
        arguments = {
            "events": "steps",
            "columns": list(COLUMNS),
            "gap_seconds": params.get("session_gap_seconds"),
        }
        asked.append(Question("session_steps", "sessionize", arguments))
        arguments = {
            "events": "session_steps",
            "node": params.get("node", "event_name"),
            **{key: params.get(key) for key in LIMITS},
        }
        asked.append(Question("edges", "paths", arguments))
    return asked


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Edges between two events, with their ends where asked, and flows."""
    got: dict[str, Any] = {}
    for field in {"edges", "closed_edges"} & set(case.expected):
        edges = [
            _edge(row)
            for row in rows["edges"]
            if field == "closed_edges"
            or (row["from_node"] not in ENDS and row["to_node"] not in ENDS)
        ]
        keys = ("from_step", "from", "to_step", "to")
        got[field] = in_order_of(case.expected[field], edges, *keys)
    if "flows" in case.expected:
        flows = [
            {
                "events": [
                    node
                    for name, node in row.items()
                    if name.startswith("node_") and node is not None
                ],
                "count": row["occurrences"],
            }
            for row in rows["flows"]
        ]
        got["flows"] = in_order_of(case.expected["flows"], flows, "events")
    return got


def _edge(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "from_step": row["from_step"],
        "from": row["from_node"],
        "to_step": row["to_step"],
        "to": row["to_node"],
        "count": row["transitions"],
    }
