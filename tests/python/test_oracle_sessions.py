"""Sessions, paths and flows: macros and reference agree on generated streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.render import render
from tests.oracle.events import Event
from tests.oracle.harness import (
    STREAM_EVENTS,
    Question,
    Row,
    check,
    of_each_stream,
)
from tests.oracle.paths import counted_edges, flows, path_of, with_top_nodes
from tests.oracle.sessions import Session, by_gap, by_marker, by_supplied_id
from tests.oracle.streams import short_streams

COLUMNS = ["event_id", "user_id", "event_name", "event_time", "properties"]
SessionsOf = Callable[[list[Event]], list[Session]]

SESSIONS: list[tuple[dict[str, Any], SessionsOf]] = [
    *(
        (
            {"gap_seconds": gap},
            lambda events, gap=gap: by_gap(events, timedelta(seconds=gap)),
        )
        for gap in (0, 1, 2, 2.5, 30)
    ),
    ({"method": "supplied"}, by_supplied_id),
    (
        {"method": "supplied", "supplied_id": {"property": "v"}},
        lambda events: by_supplied_id(events, "v"),
    ),
    (
        {"method": "supplied", "supplied_id": "session_id", "max_session_seconds": 3},
        lambda events: by_supplied_id(events, longest=timedelta(seconds=3)),
    ),
    (
        {"method": "supplied", "dedupe_by": {"property": "v"}},
        lambda events: by_supplied_id(events, dedupe_by="v"),
    ),
    (
        {
            "method": "supplied",
            "dedupe_by": {"property": "v"},
            "max_session_seconds": 2,
        },
        lambda events: by_supplied_id(
            events, dedupe_by="v", longest=timedelta(seconds=2)
        ),
    ),
    (
        {"method": "marker", "marker": "a"},
        lambda events: by_marker(events, "a", counted=True),
    ),
    (
        {"method": "marker", "marker": "a", "marker_counted": False},
        lambda events: by_marker(events, "a", counted=False),
    ),
]

SESSION_STREAMS = short_streams()


def test_sessions_are_those_of_the_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rendered = render(
        [
            ("sessionize", {"events": STREAM_EVENTS, "columns": COLUMNS, **arguments})
            for arguments, _ in SESSIONS
        ]
    )
    summaries = render(
        [("session_summary", {"events": f"({sql})"}) for sql in rendered]
    )
    questions = []
    for (arguments, sessions), sql, summary in zip(
        SESSIONS, rendered, summaries, strict=True
    ):
        # An event's session is known by its first instant and its number of events.
        questions.append(
            Question(
                f"sessionize({arguments})",
                of_each_stream(
                    sql,
                    "user_id, event_id,"
                    " min(event_time) over (partition by stream, user_id, session_id),"
                    " count(*) over (partition by stream, user_id, session_id)",
                ),
                lambda events, _users, sessions=sessions: [
                    (
                        session.user_id,
                        event.event_id,
                        session.started_at,
                        len(session.events),
                    )
                    for session in sessions(events)
                    for event in session.events
                ],
            )
        )
        questions.append(
            Question(
                f"session_summary(sessionize({arguments}))",
                of_each_stream(
                    summary,
                    "user_id, started_at, ended_at, entry_event, exit_event,"
                    " event_count, duration_seconds, is_bounce",
                ),
                lambda events, _users, sessions=sessions: [
                    summary_row(session) for session in sessions(events)
                ],
            )
        )
    line = check("sessions", SESSION_STREAMS, questions)
    with capsys.disabled():
        print(f"\n{line}")


def summary_row(session: Session) -> Row:
    """A session as session_summary gives it."""
    return (
        session.user_id,
        session.started_at,
        session.ended_at,
        session.events[0].name,
        session.events[-1].name,
        len(session.events),
        session.length.total_seconds(),
        session.is_bounce,
    )


PATHS: list[dict[str, Any]] = [
    {},
    {"max_steps": 1},
    {"max_steps": 3},
    {"start_point": "a"},
    {"start_point": "b", "max_steps": 2},
    {"end_point": "a"},
    {"end_point": "a", "max_steps": 2},
    {"start_point": "a", "end_point": "b"},
    {"start_point": "a", "end_point": "a"},
    {"start_point": "a", "end_point": "b", "max_steps": 2},
    {"top_nodes": 1},
    {"top_nodes": 2, "max_steps": 3},
    {"top_nodes": 2, "end_point": "b", "max_steps": 2},
    {"top_nodes": 1, "start_point": "a"},
    {"node": {"property": "v"}},
    {"node": {"property": "v"}, "start_point": "p", "max_steps": 2},
    {"node": {"property": "v"}, "end_point": "q", "top_nodes": 1},
]


def path_rows(events: list[Event], arguments: dict[str, Any]) -> list[Row]:
    """The edges of a stream's supplied sessions."""
    paths = [
        path_of(
            session,
            arguments.get("node", {}).get("property"),
            arguments.get("start_point"),
            arguments.get("end_point"),
            arguments.get("max_steps"),
        )
        for session in by_supplied_id(events)
    ]
    found = [path for path in paths if path is not None]
    if "top_nodes" in arguments:
        points = arguments.get("start_point"), arguments.get("end_point")
        found = with_top_nodes(found, arguments["top_nodes"], points)
    return [(*edge, times, users) for edge, times, users in counted_edges(found)]


def test_paths_are_those_of_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    rendered = render(
        [("paths", {"events": STREAM_EVENTS, **arguments}) for arguments in PATHS]
    )
    questions = [
        Question(
            f"paths({arguments})",
            of_each_stream(
                sql, "from_step, from_node, to_step, to_node, transitions, users"
            ),
            lambda events, _users, arguments=arguments: path_rows(events, arguments),
        )
        for arguments, sql in zip(PATHS, rendered, strict=True)
    ]
    line = check("paths", SESSION_STREAMS, questions)
    with capsys.disabled():
        print(f"\n{line}")


FLOWS = [
    {"primary_event": name, "direction": direction, "n_events": length}
    for name, direction, length in (
        ("a", "after", 1),
        ("a", "after", 4),
        ("a", "before", 2),
        ("b", "before", 5),
    )
]


def flow_rows(events: list[Event], arguments: dict[str, Any]) -> list[Row]:
    """The flows of a stream; short ones are filled up."""
    length = arguments["n_events"]
    found = flows(events, arguments["primary_event"], arguments["direction"], length)
    return [
        (*flow, *[None] * (length + 1 - len(flow)), times, users)
        for flow, times, users in found
    ]


def test_flows_are_those_of_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    rendered = render(
        [("flows", {"events": STREAM_EVENTS, **arguments}) for arguments in FLOWS]
    )
    questions = []
    for arguments, sql in zip(FLOWS, rendered, strict=True):
        nodes = ", ".join(f"node_{n}" for n in range(arguments["n_events"] + 1))
        questions.append(
            Question(
                f"flows({arguments})",
                of_each_stream(sql, f"{nodes}, occurrences, users"),
                lambda events, _users, asked=arguments: flow_rows(events, asked),
            )
        )
    line = check("flows", SESSION_STREAMS, questions)
    with capsys.disabled():
        print(f"\n{line}")
