"""Runs generated streams through SQL and reference, and reduces what disagrees.

Streams come in batches: all streams of a batch are rows of one table, told apart by
their ids, so that one query answers for hundreds of them. Where an answer differs, the
stream is reduced on its own, event by event, and the failure shows what is left of it.

Environment: ORACLE_STREAMS, distinct streams per metric (default 2000); ORACLE_SEED,
where to start (default: a fixed seed, or a new one where ORACLE_STREAMS is given). Both
are printed.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.oracle.events import Event, Users
from tests.oracle.streams import Stream, events_of, users_of

DEFAULT_STREAMS = 2000
DEFAULT_SEED = 20260329
BATCH = 400

STREAMS = int(os.environ.get("ORACLE_STREAMS", DEFAULT_STREAMS))
SEED = int(
    os.environ.get("ORACLE_SEED")
    or (
        random.SystemRandom().randrange(2**32)
        if "ORACLE_STREAMS" in os.environ
        else DEFAULT_SEED
    )
)

STREAM_EVENTS = "(select * from events as e where e.stream = streams.stream)"
STREAM_SEGMENTS = (
    "(select user_id, segment, segment_value from user_segments as u"
    " where u.stream = streams.stream)"
)
"""What a macro is given as events and as segments of users: those of one stream."""

Row = tuple[Any, ...]
Reference = Callable[[list[Event], Users], Iterable[Row]]


@dataclass(frozen=True)
class Question:
    """What SQL and reference are both asked.

    `sql` gives the stream's number in its first column, then the columns of the rows
    that `reference` gives for the events and users of one stream. Rows have no order.
    See `of_each_stream` for SQL that answers for one stream at a time.
    """

    name: str
    sql: str
    reference: Reference


def of_each_stream(sql: str, columns: str) -> str:
    """SQL of a macro on STREAM_EVENTS, asked of each stream by a lateral join."""
    return f"select streams.stream, {columns} from streams, lateral ({sql}) as answer"


class Warehouse:
    """An in-memory DuckDB with the tables that the rendered macros read."""

    def __init__(self) -> None:
        # DuckDB 2.0.0 on two threads once gave an internal error ("dict-surviving cache")
        # on a query that it answers otherwise; these are too small to need threads.
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute(
            """
            create table events (
                stream bigint,
                event_id varchar,
                user_id varchar,
                session_id varchar,
                event_name varchar,
                event_time timestamp,
                properties varchar,
                user_properties varchar
            )
            """
        )
        self.connection.execute("create table streams (stream bigint)")
        # In the slice of everyone, and in one that the user's properties tell.
        self.connection.execute(
            """
            create view user_segments as
            select distinct stream, user_id, 'all' as segment, 'all' as segment_value
            from events
            union all
            select distinct
                stream,
                user_id,
                'plan',
                coalesce(user_properties ->> '$.plan', '(none)')
            from events
            """
        )

    def execute(self, sql: str) -> list[Row]:
        """Rows of a query."""
        return self.connection.execute(sql).fetchall()

    def load(self, streams: Sequence[tuple[int, Stream]]) -> None:
        """Replaces the events by those of numbered streams."""
        rows = []
        for number, stream in streams:
            users = users_of(stream, number)
            for event in events_of(stream, number):
                values = (
                    event.event_id,
                    event.user_id,
                    event.session_id,
                    event.name,
                    event.time.isoformat(sep=" "),
                    json.dumps(event.properties),
                    json.dumps(users[event.user_id]),
                )
                rows.append(f"({number}, {', '.join(map(_literal, values))})")
        self.connection.execute("delete from streams")
        self.connection.execute(
            "insert into streams values "
            + ", ".join(f"({number})" for number, _ in streams)
        )
        self.connection.execute("delete from events")
        if rows:
            self.connection.execute(f"insert into events values {', '.join(rows)}")


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


Rows = Counter[Row]
"""Rows without an order, each with how often it is there."""


def answers(warehouse: Warehouse, question: Question) -> dict[int, Rows]:
    """The SQL's rows of each stream that has any."""
    found: dict[int, Rows] = {}
    for number, *row in warehouse.execute(question.sql):
        found.setdefault(number, Counter())[tuple(row)] += 1
    return found


def expected(question: Question, number: int, stream: Stream) -> Rows:
    """The reference's rows of a stream."""
    events, users = _built(stream, number)
    return Counter(question.reference(events, users))


@lru_cache(maxsize=2 * BATCH)
def _built(stream: Stream, number: int) -> tuple[list[Event], Users]:
    return events_of(stream, number), users_of(stream, number)


Prepare = Callable[[Warehouse], None]


def disagreements(
    warehouse: Warehouse,
    questions: Sequence[Question],
    streams: Sequence[Stream],
    prepare: Prepare | None = None,
) -> list[str]:
    """For each question on which SQL and reference differ: the reduced stream.

    `prepare` makes the tables that the SQL reads beside `events`, after each load.
    """

    def load(numbered: Sequence[tuple[int, Stream]]) -> None:
        warehouse.load(numbered)
        if prepare is not None:
            prepare(warehouse)

    numbered = list(enumerate(streams))
    load(numbered)
    differing = []
    for question in questions:
        found = answers(warehouse, question)
        for number, stream in numbered:
            if expected(question, number, stream) != found.get(number, Counter()):
                differing.append((question, number, stream))
                break

    def differs(question: Question, number: int, stream: Stream) -> bool:
        load([(number, stream)])
        wanted = expected(question, number, stream)
        return answers(warehouse, question).get(number, Counter()) != wanted

    texts = []
    for question, number, stream in differing:
        if differs(question, number, stream):
            stream = reduced(
                stream, lambda smaller, q=question, n=number: differs(q, n, smaller)
            )
            load([(number, stream)])
        else:
            load(numbered)
        texts.append(_described(warehouse, question, number, stream))
    return texts


def reduced(stream: Stream, differs: Callable[[Stream], bool]) -> Stream:
    """A stream without the events and values that a difference does not need."""
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(stream):
            if differs(smaller):
                stream, progress = smaller, True
                break
    return stream


def _smaller(stream: Stream) -> Iterable[Stream]:
    for position in range(len(stream)):
        yield (*stream[:position], *stream[position + 1 :])
    for position, sketch in enumerate(stream):
        rest = stream[:position], stream[position + 1 :]
        simpler = []
        if sketch.value is not None:
            simpler.append(sketch._replace(value=None))
        if sketch.group:
            simpler.append(sketch._replace(group=0))
        if sketch.user:
            simpler.append(sketch._replace(user=0))
        for replacement in simpler:
            yield (*rest[0], replacement, *rest[1])


def _described(
    warehouse: Warehouse, question: Question, number: int, stream: Stream
) -> str:
    lines = [f"{question.name}: SQL and reference differ on"]
    for event in sorted(events_of(stream, number), key=lambda event: event.time):
        lines.append(
            f"    {event.time.isoformat(sep=' ')} {event.name} id={event.event_id}"
            f" user={event.user_id} {json.dumps(event.properties)}"
        )
    wanted = expected(question, number, stream)
    found = answers(warehouse, question).get(number, Counter())
    for side, rows in (("reference", wanted - found), ("SQL", found - wanted)):
        lines.append(f"  only in {side}, {rows.total()} rows:")
        lines += [f"    {_shown(row)}" for row in sorted(rows.elements(), key=str)[:8]]
    return "\n".join(lines)


def _shown(row: Row) -> str:
    return ", ".join(
        value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
        for value in row
    )


def check(
    metric: str,
    strategy: st.SearchStrategy[Stream],
    questions: Sequence[Question],
    prepare: Prepare | None = None,
    share: float = 1.0,
    batch: int = BATCH,
) -> str:
    """Asks every question of generated streams; fails on any difference.

    `share` is the part of ORACLE_STREAMS that this run generates, where several runs
    make up a metric. Returns a line that says how much was done.
    """
    began = time.perf_counter()
    streams = generated(strategy, round(STREAMS * share))
    warehouse = Warehouse()
    for first in range(0, len(streams), batch):
        texts = disagreements(
            warehouse, questions, streams[first : first + batch], prepare
        )
        assert not texts, "\n\n".join([f"ORACLE_SEED={SEED}", *texts])
    events = sum(map(len, streams))
    seconds = time.perf_counter() - began
    return (
        f"oracle: {metric}: {len(streams)} streams ({events} events) x"
        f" {len(questions)} questions agree in {seconds:.1f} s (ORACLE_SEED={SEED})"
    )


@cache
def generated(strategy: st.SearchStrategy[Stream], count: int) -> list[Stream]:
    """As many distinct streams, drawn once in a run."""
    found: dict[Stream, None] = {}
    attempt = 0
    while len(found) < count:

        @seed(SEED + attempt)
        @settings(
            max_examples=50,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(strategy, min_size=100, max_size=100))
        def draw(streams: list[Stream]) -> None:
            found.update(dict.fromkeys(streams))

        draw()
        attempt += 1
    return list(found)[:count]
