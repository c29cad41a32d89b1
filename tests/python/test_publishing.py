"""What readers see: whole builds that passed, whatever happens to a build.

All but the first test use a small project of the same plugins, macros and models, in
which a build takes a few seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from tests.builds import NO_SEEDS, DbtRun, published_file, published_state, run_dbt
from tests.reliability.projects import Builder, make_small_project

DAYS = 40
MARTS_BY_DAY = ("user_event_usage", "user_features", "churn_labels")

# Follows the pointer until told to stop, and prints how often it read and what it saw.
READER = """
import json, sys, threading, time
from pathlib import Path
import duckdb
warehouse, stop, seen, reads = Path(sys.argv[1]), threading.Event(), set(), 0
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
while not stop.is_set():
    pointer = json.loads((warehouse / "current.json").read_text())
    with duckdb.connect(str(warehouse / pointer["file"]), read_only=True) as connection:
        seen.add(connection.execute(
            "select (select sum(rows) from data_quality "
            "where check_name = 'events: modelled'), "
            "(select count(*) from events), (select count(*) from build_info)"
        ).fetchone())
    reads += 1
    time.sleep(0.01)
    if reads == 1:
        print(flush=True)
print(json.dumps([reads, sorted(seen)]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_project(tmp_path_factory.mktemp("project"))


class Small(Builder):
    """The small project on a warehouse folder; `rows` events on each of DAYS days."""

    def __init__(self, project: Path, warehouse: Path) -> None:
        events = warehouse.parent / "events.parquet"
        super().__init__(project, warehouse, NO_SEEDS | {"events": str(events)})

    @property
    def events(self) -> str:
        return self.variables["events"]

    def write_events(self, rows: int, days: int = DAYS) -> None:
        with duckdb.connect() as connection:
            connection.execute(
                f"""
                copy (
                    select
                        'u' || (i % 7) as user_id,
                        'tap' as event_name,
                        timestamp '2024-01-01' + (i % {days}) * interval 1 day
                        + i * interval 1 second as event_time,
                        md5(cast(i as varchar)) as note
                    from range({days * rows}) rows(i)
                ) to '{self.events}'
                """
            )

    def add_an_event(self, day: str) -> None:
        with duckdb.connect() as connection:
            connection.execute(
                f"""
                copy (
                    from '{self.events}'
                    union all by name
                    select
                        'late' as user_id, 'tap' as event_name,
                        timestamp '{day}' as event_time
                ) to '{self.events}.new' (format parquet)
                """
            )
        os.replace(f"{self.events}.new", self.events)

    def last_build(self) -> dict:
        return json.loads((self.warehouse / "last_build.json").read_text())

    def published_rows(self) -> tuple[int, int]:
        """Events by the mart and by the events themselves, of the current file."""
        with duckdb.connect(
            str(published_file(self.warehouse)), read_only=True
        ) as opened:
            return opened.execute(
                "select (select sum(rows) from data_quality "
                "where check_name = 'events: modelled'), (select count(*) from events)"
            ).fetchone()

    def as_of_dates(self) -> list[tuple[str]]:
        with duckdb.connect(
            str(published_file(self.warehouse)), read_only=True
        ) as opened:
            return opened.execute(
                "select cast(as_of_date as varchar) from as_of_dates"
            ).fetchall()


@pytest.fixture(scope="module")
def template(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published build of one event a day, to copy."""
    small = Small(project, tmp_path_factory.mktemp("template") / "warehouse")
    small.write_events(rows=1)
    assert_published(small.build(), rows=1)
    return small.warehouse


@pytest.fixture
def small(project: Path, template: Path, tmp_path: Path) -> Iterator[Small]:
    """A warehouse of its own, in which a build of one event a day is published."""
    shutil.copytree(template, tmp_path / "warehouse")
    small = Small(project, tmp_path / "warehouse")
    small.write_events(rows=1)
    return small


def assert_published(run: DbtRun, rows: int) -> None:
    assert run.returncode == 0, run.output
    assert run.published(
        "select sum(rows) from data_quality where check_name = 'events: modelled'"
    ) == [(rows * DAYS,)]


def day_files(warehouse: Path, name: str = "*") -> dict[str, int]:
    """Each file of a day, of what is published by day, and its inode.

    A file that is written anew has another.
    """
    folder = warehouse / "published"
    return {
        f"{path.parent.name}/{path.name}": path.stat().st_ino
        for path in folder.glob(f"{name}/*.parquet")
    }


def days_written(files: dict[str, int], before: dict[str, int]) -> dict[str, set[str]]:
    """Of each name, the days that are written anew."""
    written: dict[str, set[str]] = {}
    for path, _ in files.items() - before.items():
        name, file = path.split("/")
        written.setdefault(name, set()).add(file[:10])
    return written


def wait_for(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    """Waits until something shows, or until the process is over."""
    while not condition() and process.poll() is None:
        time.sleep(0.001)


def stop(process: subprocess.Popen, number: signal.Signals) -> bool:
    """Sends a signal until the process is over; gives whether it was stopped.

    A Ctrl-C that falls into a callback, where Python cannot raise it, is lost: a person
    presses again.
    """
    while process.poll() is None:
        os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    return process.returncode != 0


def test_a_second_build_of_the_same_input_publishes_the_same(
    seeds_build: DbtRun, tmp_path: Path
) -> None:
    warehouse = Path(shutil.copytree(seeds_build.warehouse, tmp_path / "warehouse"))
    days = day_files(warehouse)
    second = run_dbt(warehouse, "build")
    assert second.returncode == 0, second.output
    assert published_file(warehouse).name != published_file(seeds_build.warehouse).name
    assert days
    assert day_files(warehouse) == days
    with duckdb.connect() as connection:
        first_file = published_file(seeds_build.warehouse)
        connection.execute(f"attach '{first_file}' as first (read_only)")
        connection.execute(
            f"attach '{published_file(warehouse)}' as second (read_only)"
        )
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = 'first'"
        ).fetchall()
        differing = [
            name
            for (name,) in tables
            if name != "build_info"
            and connection.execute(
                f"""
                select exists (
                    (from first.main."{name}" except all from second.main."{name}")
                    union all
                    (from second.main."{name}" except all from first.main."{name}")
                )
                """
            ).fetchone()
            == (True,)
        ]
    assert {("events",), ("churn_scores",), ("user_features",)} <= set(tables)
    assert not differing


def test_a_failing_test_publishes_nothing_and_is_named(
    small: Small, project: Path
) -> None:
    before = published_state(small.warehouse)
    small.write_events(rows=2)
    failing = project / "tests" / "assertions" / "assert_nothing_happened.sql"
    failing.write_text("select * from {{ ref('fct_events') }}")
    try:
        run = small.build()
    finally:
        failing.unlink()
    assert run.returncode != 0
    assert "Not published: of " in run.output
    assert " 1 failed" in run.output
    assert published_state(small.warehouse) == before
    assert small.last_build()["status"] == "failed"
    assert small.last_build()["failed"] == ["assert_nothing_happened"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-s", "+build_info"), "only a build of the whole project is."),
        (("--empty",), "a build with --empty has no rows to show."),
    ],
)
def test_a_build_of_a_part_publishes_nothing(
    small: Small, arguments: tuple[str, ...], reason: str
) -> None:
    before = published_state(small.warehouse)
    recorded = small.last_build()
    run = small.build(*arguments)
    assert run.returncode == 0, run.output
    assert f"Not published: {reason}" in run.output
    assert published_state(small.warehouse) == before
    assert small.last_build() == recorded


def test_readers_go_on_while_days_are_written_and_old_files_removed(
    small: Small,
) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(small.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    reader.stdout.readline()
    first = day_files(small.warehouse, "events")
    for rows in (2, 3):
        small.write_events(rows)
        assert_published(small.build(), rows)
    # The current build and the one before are kept; none of their days is a first one.
    events = day_files(small.warehouse, "events")
    assert len(events) == 2 * DAYS
    assert not set(first) & set(events)
    before = day_files(small.warehouse)
    small.add_an_event("2024-01-30")
    assert small.build().returncode == 0
    assert len(list((small.warehouse / "published").glob("*.duckdb"))) == 2
    dates = {row[0] for row in small.as_of_dates()}
    written = days_written(day_files(small.warehouse), before)
    assert dates == {"2024-01-28", "2024-02-04", "2024-02-08"}
    assert written == {
        "events": {"2024-01-30"},
        **dict.fromkeys(MARTS_BY_DAY, dates - {"2024-01-28"}),
    }

    output, _ = reader.communicate("\n")
    assert reader.returncode == 0
    reads, seen = json.loads(output)
    assert reads > len(seen)
    events = [DAYS, 2 * DAYS, 3 * DAYS, 3 * DAYS + 1]
    assert {tuple(row) for row in seen} <= {(count, count, 1) for count in events}


def test_a_correction_of_what_a_user_was_writes_the_days_of_then(small: Small) -> None:
    users = small.warehouse.parent / "users.csv"
    small.variables["users"] = str(users)

    def publish(plan: str, *arguments: str) -> dict[str, int]:
        first = [f"u{user},2024-01-01,free," for user in range(7) if user != 3]
        then = [f"u3,2024-01-01,{plan},2024-01-01", "u3,2024-01-01,pro,2024-01-30"]
        header = "user_id,signed_up_at,plan,valid_from"
        users.write_text("\n".join([header, *first, *then]))
        run = small.build(*arguments)
        assert run.returncode == 0, run.output
        return day_files(small.warehouse)

    before = publish("free")
    after = publish("team")
    assert days_written(after, before) == {"user_features": {"2024-01-28"}}
    # What is made anew and comes out the same has its files.
    assert not days_written(publish("team", "--full-refresh"), after)


def test_a_warehouse_that_knew_of_no_marts_by_day_publishes_all_of_them(
    small: Small,
) -> None:
    with duckdb.connect(str(small.warehouse / "build.duckdb")) as connection:
        connection.execute(
            "create or replace table incremental.unpublished_days (event_date date);"
            "create or replace table incremental.day_contents "
            "(event_date date, content varchar)"
        )
    before = day_files(small.warehouse)
    assert small.build().returncode == 0
    assert before
    assert day_files(small.warehouse) == before


def test_a_build_that_is_stopped_leaves_the_published_file_whole(small: Small) -> None:
    published = small.warehouse / "published"
    moments: list[tuple[signal.Signals, Callable[[], bool]]] = [
        (signal.SIGINT, lambda: small.last_build()["status"] == "running"),
        (signal.SIGKILL, lambda: any(published.glob("events/*.parquet.new"))),
        (signal.SIGKILL, lambda: len(day_files(small.warehouse, "events")) > DAYS),
    ]
    days = 12 * DAYS
    small.write_events(rows=1, days=days)
    old, new = (DAYS, DAYS), (days, days)
    for number, moment in moments:
        process = small.start_build()
        wait_for(moment, process)
        # A build may be over before the signal reaches it; what readers see is whole
        # either way: all of the old build, or all of the new one.
        was_stopped = stop(process, number)
        assert small.published_rows() in ([old, new] if was_stopped else [new])
        if number == signal.SIGINT:
            assert was_stopped
            assert small.last_build()["status"] == "failed"
            assert small.published_rows() == old
    run = small.build()
    assert run.returncode == 0, run.output
    assert small.published_rows() == (days, days)
    assert small.last_build()["status"] == "published"
    assert not list(published.rglob("*.new*"))
