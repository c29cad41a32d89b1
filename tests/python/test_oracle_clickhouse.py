"""The funnel macro reaches the step that ClickHouse's windowFunnel reaches.

windowFunnel gives the deepest step of each user over all entries, as the headline
attempt does. Where it means the same as this project, the two must agree:

- its default mode, where each event matches one step at most: ties included, as both
  count steps of one instant in step order;
- `strict_once`, where a step repeats and one event may fill one step only. Its order of
  events at one instant is another one, so only users without ties are compared where a
  step comes back after a different one;
- `strict_increase` for strictly increasing times: only users without ties, because a
  tied first step takes the place of an earlier one there, whose attempt is then lost.

Its `strict_order` and `strict_deduplication` mean something else than `strict` here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.conformance.render import render
from tests.oracle.funnel import Funnel, attempts, headline
from tests.oracle.harness import SEED, STREAMS, Warehouse, generated
from tests.oracle.streams import Stream, events_of, short_streams

chdb = pytest.importorskip(
    "chdb", reason="chdb (ClickHouse in the process) is not installed"
)

MICROSECOND = timedelta(microseconds=1)
BATCH = 200


class Asked(NamedTuple):
    """A funnel of event names, and the modes in which ClickHouse means the same."""

    steps: str
    window: int
    modes: Sequence[str] = ()
    without_ties: bool = False

    @property
    def strictly_increasing(self) -> bool:
        """Whether a step needs a later instant than the one before."""
        return "strict_increase" in self.modes

    @property
    def arguments(self) -> dict[str, Any]:
        """What the macro is called with."""
        return {
            "events": "events",
            "steps": [{"name": name, "event": name} for name in self.steps],
            "window_seconds": self.window,
            "strictly_increasing": self.strictly_increasing,
        }

    @property
    def clickhouse(self) -> str:
        """The same as an expression of ClickHouse."""
        parameters = ", ".join(
            [str(self.window * 1_000_000), *(f"'{mode}'" for mode in self.modes)]
        )
        steps = ", ".join(f"name = '{name}'" for name in self.steps)
        return f"windowFunnel({parameters})(at, {steps})"


ASKED = [
    Asked("abc", 5),
    Asked("abc", 0),
    Asked("cba", 3),
    Asked("ab", 1),
    Asked("abcdx", 100),
    Asked("abc", 5, ["strict_once"]),
    Asked("aab", 5, ["strict_once"]),
    Asked("aaa", 4, ["strict_once"]),
    Asked("aba", 5, ["strict_once"], without_ties=True),
    Asked("abab", 9, ["strict_once"], without_ties=True),
    Asked("abc", 4, ["strict_increase"], without_ties=True),
]

Levels = dict[str, int]


def clickhouse_levels(numbered: Iterable[tuple[int, Stream]]) -> list[Levels]:
    """The deepest step of each user, for each funnel."""
    rows = [
        f"('{event.user_id}', {(event.time - datetime(1970, 1, 1)) // MICROSECOND},"
        f" '{event.name}')"
        for number, stream in numbered
        for event in events_of(stream, number)
    ]
    if not rows:
        return [{} for _ in ASKED]
    levels = ", ".join(asked.clickhouse for asked in ASKED)
    answer = chdb.query(
        f"select user, {levels} from values('user String, at UInt64, name String',"
        f" {', '.join(rows)}) group by user",
        "JSONCompact",
    )
    found = json.loads(answer.bytes())["data"]
    return [
        {row[0]: row[number] for row in found} for number in range(1, len(ASKED) + 1)
    ]


def macro_levels(warehouse: Warehouse, asked: Asked, sql: str) -> Levels:
    """The deepest step of each user who entered."""
    steps = " + ".join(
        f"(step_{number}_at is not null)::int"
        for number in range(1, len(asked.steps) + 1)
    )
    return dict(
        warehouse.execute(f"select user_id, max({steps}) from ({sql}) group by user_id")
    )


def reference_levels(asked: Asked, numbered: Iterable[tuple[int, Stream]]) -> Levels:
    """The same by the reference."""
    funnel = Funnel(
        [{"event": name} for name in asked.steps],
        timedelta(seconds=asked.window),
        strictly_increasing=asked.strictly_increasing,
    )
    events = [
        event for number, stream in numbered for event in events_of(stream, number)
    ]
    return {
        user: attempt.deepest
        for user, attempt in headline(attempts(events, funnel)).items()
    }


def users_with_ties(numbered: Iterable[tuple[int, Stream]]) -> set[str]:
    """The users who have two events at one instant."""
    seen = set()
    tied = set()
    for number, stream in numbered:
        for event in events_of(stream, number):
            if (event.user_id, event.time) in seen:
                tied.add(event.user_id)
            seen.add((event.user_id, event.time))
    return tied


def test_window_funnel_reaches_the_same_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    streams = generated(short_streams(), STREAMS)
    rendered = render([("funnel", asked.arguments) for asked in ASKED])
    warehouse = Warehouse()
    compared = 0
    for first in range(0, len(streams), BATCH):
        numbered = list(enumerate(streams))[first : first + BATCH]
        tied = users_with_ties(numbered)
        warehouse.load(numbered)
        for asked, sql, clickhouse in zip(
            ASKED, rendered, clickhouse_levels(numbered), strict=True
        ):
            macro = macro_levels(warehouse, asked, sql)
            reference = reference_levels(asked, numbered)
            for user, level in clickhouse.items():
                if asked.without_ties and user in tied:
                    continue
                found = (level, macro.get(user, 0), reference.get(user, 0))
                assert len(set(found)) == 1, (
                    f"ORACLE_SEED={SEED} {asked}: (windowFunnel, macro, reference) ="
                    f" {found} of {user} in {dict(numbered)[int(user.split(':')[0])]}"
                )
                compared += 1
    with capsys.disabled():
        print(
            f"\noracle: windowFunnel of chdb {chdb.__version__}: {len(streams)}"
            f" streams, {compared} users x funnels agree (ORACLE_SEED={SEED})"
        )
