"""Reads the published file as the dashboard does, again and again, and says what it saw.

`python -m tests.reliability.reader`, of the folder WAREHOUSE_DIR: for each line of its
input, a line of JSON with what it saw so far; it ends with its input.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from dashboard import warehouse
from tests.builds import PROJECT

PAUSE_SECONDS = 0.2

# What holds within one version, whatever the data: (what it says, SQL, tables it needs).
SENTENCES = [
    (
        "the file is of the build that the pointer names",
        "select count(*) = 1 and bool_and(right($build, 8) = left(invocation, 8)) "
        "from build_info",
        {"build_info"},
    ),
    (
        "as many events as data_quality counts",
        "select (select sum(rows) from data_quality where check_name = "
        "'events: modelled') = (select count(*) from events)",
        {"data_quality"},
    ),
    (
        "the active users of all days are those of the events",
        "select (select sum(dau) from daily_active where segment = 'all') = "
        "(select count(distinct (user_id, event_date)) from events where is_activity)",
        {"daily_active"},
    ),
    (
        "whoever entered a funnel has one headline attempt",
        "select (select sum(users) from funnel_steps where segment = 'all' and "
        "step_number = 1) = (select count(*) from funnel_attempts where is_headline)",
        {"funnel_steps", "funnel_attempts"},
    ),
]


class Seen(NamedTuple):
    """What a reader saw so far."""

    reads: int
    builds: int
    errors: list[str]


class Reader:
    """The reader as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=PROJECT,
            env={**os.environ, "WAREHOUSE_DIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seen(self) -> Seen:
        """What it saw so far; where it has ended, that is an error."""
        assert self.process.stdin
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        return Seen(**json.loads(self.process.stdout.readline()))

    def end(self) -> Seen:
        seen = self.seen()
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        return seen


class Witness:
    """What one process read, and whether each build always said the same."""

    def __init__(self) -> None:
        self.reads = 0
        self.errors: list[str] = []
        self.contents: dict[str, dict[str, Any]] = {}
        self.last: warehouse.Build | None = None

    def read(self) -> None:
        """One look at the current build; and, where it is another, at the one before.

        Whoever has a page open when a build is published reads on in the file before.
        """
        try:
            if self.last and warehouse.state()[0] == self.last.id:
                # As a new visitor would: the file is opened anew.
                warehouse.connection.clear(self.last)
            build = warehouse.current_build()
            if self.last not in (None, build):
                self._read(self.last, of_old="a build that is no longer current")
                warehouse.connection.clear(self.last)
            self._read(build)
            self.last = build
        # Whatever a reader gets to see is what is looked for here.
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")

    def _read(self, build: warehouse.Build, of_old: str = "") -> None:
        tables = _column(
            build,
            "select table_name from information_schema.tables "
            "where table_catalog = current_database()",
        )
        for sentence, sql, needed in SENTENCES:
            if needed <= set(tables):
                given = {"build": build.id} if "$build" in sql else {}
                if _column(build, sql, given) != [True]:
                    self.errors.append(f"not so in {build.id} {of_old}: {sentence}")
        contents = {
            table: tuple(
                warehouse.query(
                    build, f'select count(*), bit_xor(hash(t)) from "{table}" t', {}
                ).iloc[0]
            )
            for table in tables
        }
        if self.contents.setdefault(build.id, contents) != contents:
            self.errors.append(f"other rows than before in {build.id} {of_old}")
        self.reads += 1

    def seen(self) -> Seen:
        return Seen(self.reads, len(self.contents), self.errors)


def _column(
    build: warehouse.Build, sql: str, parameters: dict[str, Any] | None = None
) -> list[Any]:
    return [*warehouse.query(build, sql, parameters or {}).iloc[:, 0]]


def main() -> None:
    logging.disable(logging.WARNING)  # Streamlit's, of running without a page
    asked = threading.Event()
    is_over = threading.Event()

    def listen() -> None:
        for _ in sys.stdin:
            asked.set()
        is_over.set()

    threading.Thread(target=listen, daemon=True).start()
    witness = Witness()
    while not is_over.is_set():
        witness.read()
        if asked.is_set():
            asked.clear()
            print(json.dumps(witness.seen()._asdict()), flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
