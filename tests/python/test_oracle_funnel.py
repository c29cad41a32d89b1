"""The funnel macro and the reference agree on every attempt of generated streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.render import render
from tests.oracle.events import Event, Users
from tests.oracle.funnel import Funnel, attempts
from tests.oracle.harness import Question, Row, check
from tests.oracle.streams import short_streams


def on(event: str | None, *conditions: tuple, optional: bool = False) -> dict[str, Any]:
    """A step: an event name (None for any) with conditions (property, op, value)."""
    where = [
        dict(zip(("property", "op", "value"), c, strict=False)) for c in conditions
    ]
    step: dict[str, Any] = {"name": f"{event} step", "event": event}
    return {
        **step,
        **({"where": where} if where else {}),
        **({"optional": True} if optional else {}),
    }


def opt(event: str) -> dict[str, Any]:
    """An optional step."""
    return on(event, optional=True)


def no(event: str, first: int, last: int, *conditions: tuple) -> dict[str, Any]:
    """An exclusion of an event between two steps."""
    exclusion = on(event, *conditions)
    del exclusion["name"]
    return {**exclusion, "from_step": first, "to_step": last}


@dataclass(frozen=True)
class Case:
    """One set of arguments of the macro."""

    steps: Sequence[Any]
    window: float | None = None
    order: str = "ordered"
    exclusions: Sequence[dict[str, Any]] = ()
    strictly_increasing: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def full_steps(self) -> list[dict[str, Any]]:
        """Steps, where a bare name stands for an event without conditions."""
        return [on(step) if isinstance(step, str) else step for step in self.steps]

    @property
    def arguments(self) -> dict[str, Any]:
        """What the macro is called with."""
        arguments = {
            "events": "events",
            "steps": self.full_steps,
            "window_seconds": self.window,
            "order": self.order,
            "strictly_increasing": self.strictly_increasing,
            "exclusions": list(self.exclusions),
            **self.more,
        }
        if self.more.get("count_by") == "s":
            arguments["count_by"] = "properties ->> '$.s'"
        return arguments

    @property
    def name(self) -> str:
        """The arguments that differ from the defaults."""
        shown = {k: v for k, v in self.arguments.items() if v not in ([], None, False)}
        return f"funnel({shown})"

    def reference(self, events: list[Event], users: Users) -> list[Row]:
        """The attempts of a stream."""
        window = None if self.window is None else timedelta(seconds=self.window)
        funnel = Funnel(
            self.full_steps,
            window,
            self.order,
            self.strictly_increasing,
            self.exclusions,
        )
        return [
            (
                attempt.actor,
                attempt.entry.user_id,
                attempt.entry.event_id,
                attempt.entry.time,
                *attempt.step_times,
                attempt.ended_by_exclusion,
            )
            for attempt in attempts(events, funnel, users=users, **self.more)
        ]

    def unnamed_reference(self, events: list[Event], users: Users) -> list[Row]:
        """The attempts of a stream, without the events that they were entered by."""
        return [(*row[:2], *row[3:]) for row in self.reference(events, users)]

    def question(self, sql: str, names_entries: bool = True) -> Question:
        """The macro's SQL beside the reference."""
        steps = ", ".join(f"step_{n}_at" for n in range(1, len(self.steps) + 1))
        columns = (
            "cast(split_part(user_id, ':', 1) as bigint), actor_id, user_id,"
            f" {'entry_event_id,' if names_entries else ''} entered_at, {steps},"
            " ended_by_exclusion"
        )
        return Question(
            self.name,
            f"select {columns} from ({sql})",
            self.reference if names_entries else self.unnamed_reference,
        )


PRO = {"property": "plan", "op": "eq", "value": "pro"}
ORG = {"property": "email", "op": "icontains", "value": ".ORG"}
OLD = {"property": "age", "op": "eq", "value": "28"}
ANY_P = on(None, ("v", "icontains", "p"))
A_P = on("a", ("v", "eq", "p"))

ORDERED = [
    Case(["a"]),
    Case(["a"], 3),
    Case(["a", "b", "c"]),
    Case(["a", "b", "c"], 5),
    Case(["a", "b", "c"], 0),
    Case(["a", "b", "c"], 3.5),
    Case(["a", "b", "c"], 4, strictly_increasing=True),
    Case(["a", "b", "c", "d", "x"], 7),
    Case(["c", "b", "a"], 4),
    Case(["a", "a"], 3),
    Case(["a", "a", "b"], 5),
    Case(["a", "b", "a"], 5),
    Case(["a", "a", "a"], strictly_increasing=True),
    Case(["a", on(None), "b"], 6),
    Case([on(None), on(None), on(None)], 2),
    Case([A_P, "a", "a"], 6),
    Case(["a", A_P, "a"], 6, strictly_increasing=True),
    Case([on(None, ("v", "is_set")), on("b", ("v", "neq", "p")), ANY_P], 5),
    Case([on("a", ("v", "eq", True)), on("b", ("v", "not_icontains", "Q"))]),
    Case([on(None, ("v", "eq", 20)), on(None, ("v", "eq", "it's"))]),
    Case(["a", "b"], 4, more={"where": [{"property": "v", "op": "is_set"}]}),
    Case(["a", "b"], 4, more={"user_where": {"or": [ORG, {"and": [PRO, OLD]}]}}),
    Case(["a", "b"], 4, more={"user_where": {"and": [PRO]}}),
    Case(["a", "b", "c"], 5, more={"count_by": "s"}),
]

EXCLUSIONS = [
    Case(["a", "b"], 3, exclusions=[no("x", 1, 2)]),
    Case(["a", "b"], exclusions=[no("x", 1, 2)]),
    Case(["a", "b", "c"], 5, exclusions=[no("x", 1, 3)]),
    Case(["a", "b", "c"], 5, exclusions=[no("x", 2, 3)]),
    Case(["a", "b", "c"], 5, exclusions=[no("x", 1, 2), no("d", 2, 3)]),
    Case(["a", "b", "c"], 4, exclusions=[no("a", 1, 2)]),
    Case(["a", "b", "c"], 4, exclusions=[no("b", 1, 3)]),
    Case(["a", "b", "c"], exclusions=[no("c", 1, 2), no("a", 2, 3)]),
    Case(["a", "a", "b"], 5, exclusions=[no("x", 2, 3)]),
    Case(["a", "b"], 4, exclusions=[no("x", 1, 2, ("v", "eq", "p"))]),
    Case(["a", A_P, "b"], 4, exclusions=[no("a", 1, 3)]),
    Case(["a", "b", "c"], 4, exclusions=[no("x", 1, 3)], strictly_increasing=True),
    Case(["a", "b"], 4, exclusions=[no("x", 1, 2)], more={"count_by": "s"}),
]

OPTIONAL = [
    Case(["a", opt("b"), "c"], 5),
    Case(["a", opt("b"), "c"]),
    Case(["a", opt("b"), opt("d"), "c"], 5),
    Case(["a", "b", opt("c")], 4),
    Case(["a", opt("b")], 4),
    Case(["a", opt("a"), "b"], 5),
    Case(["a", opt("b"), "b"], 5),
    Case(["a", opt("b"), "a", opt("b"), "c"], 6),
    Case(["a", opt("b"), "c"], 0),
    Case(["a", opt("b"), "c"], 1.5),
    Case(["a", opt("b"), "c"], 5, strictly_increasing=True),
    Case(["a", opt("a"), "a"], 5, strictly_increasing=True),
    Case(["a", opt("b"), opt("d"), "c", opt("d")], 8, strictly_increasing=True),
    Case(["a", opt("b"), "c"], 5, exclusions=[no("x", 1, 3)]),
    Case(["a", opt("b"), "c"], 5, exclusions=[no("x", 1, 2)]),
    Case(["a", opt("b"), "c"], 5, exclusions=[no("x", 2, 3)]),
    Case(["a", opt("b"), "c"], 5, exclusions=[no("b", 1, 3)]),
    Case(["a", "b", opt("c")], 5, exclusions=[no("x", 1, 3)]),
    Case(["a", "b", opt("c")], 5, exclusions=[no("x", 2, 3)]),
]

STRICT = [
    Case(["a", "b", "c"], order="strict"),
    Case(["a", "b", "c"], 2, "strict"),
    Case(["a", "a", "b"], 3, "strict"),
    Case(["a", on(None), "b"], 4, "strict"),
    Case(["a", A_P, "b"], 4, "strict"),
    Case(["a", "b", "c"], 4, "strict", strictly_increasing=True),
    Case(["a", "b"], 4, "strict", more={"where": [{"property": "v", "op": "is_set"}]}),
    Case(["a", "b", "c"], 3, "strict", exclusions=[no("x", 1, 3)]),
    Case(["a", "b", "c"], 3, "strict", exclusions=[no("b", 1, 3)]),
    Case(["a", "b"], 4, "strict", more={"count_by": "s"}),
    Case(["a", "b"], 4, "strict", more={"user_where": {"and": [PRO]}}),
]

UNORDERED = [
    Case(["a", "b", "c"], order="unordered"),
    Case(["a", "b", "c"], 3, "unordered"),
    Case(["a", "b", "c"], 0, "unordered"),
    Case(["a", "a", "b"], 4, "unordered"),
    Case([on(None), "a"], 4, "unordered"),
    Case([A_P, "a", ANY_P], 4, "unordered"),
    Case(["a", "b", "c", "d"], 5, "unordered", strictly_increasing=True),
    Case(["a", "b", "c"], 4, "unordered", exclusions=[no("x", 1, 2)]),
    Case(["a", "b", "c"], 4, "unordered", exclusions=[no("x", 1, 3), no("d", 2, 3)]),
    Case(["a", "b", "c"], None, "unordered", exclusions=[no("x", 2, 3)]),
    Case(["a", "b", "c"], 4, "unordered", exclusions=[no("a", 1, 3)]),
    Case(
        ["a", "b"], 3, "unordered", exclusions=[no("x", 1, 2)], strictly_increasing=True
    ),
    Case(["a", "a", "b"], 3, "unordered", strictly_increasing=True),
    Case(["a", "b"], 4, "unordered", more={"count_by": "s"}),
]

STREAMS = short_streams()

GROUPS = {
    "ordered": ORDERED,
    "exclusions": EXCLUSIONS,
    "optional steps": OPTIONAL,
    "strict": STRICT,
    "unordered": UNORDERED,
}


@pytest.mark.parametrize("group", GROUPS)
def test_attempts_are_those_of_the_reference(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = GROUPS[group]
    rendered = render([("funnel", case.arguments) for case in cases])
    questions = [case.question(sql) for case, sql in zip(cases, rendered, strict=True)]
    line = check(f"funnel ({group})", STREAMS, questions)
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.parametrize("group", GROUPS)
def test_attempts_without_the_names_of_their_entries_are_the_same(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = GROUPS[group]
    rendered = render(
        [("funnel", {**case.arguments, "names_entries": False}) for case in cases]
    )
    questions = [
        case.question(sql, names_entries=False)
        for case, sql in zip(cases, rendered, strict=True)
    ]
    line = check(f"funnel without names ({group})", STREAMS, questions, share=0.5)
    with capsys.disabled():
        print(f"\n{line}")
