"""Builds that are killed, and other hardships: the short form of `make reliability`.

Of the small project of test_publishing.py, a few kills, and the cases of which the whole
is made elsewhere in the same way.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType

import duckdb
import pytest

from plugins import published_files
from plugins.database_file import BuildFile
from plugins.published_files import PublishedFiles
from tests.reliability.hardships import middle_overwritten, publish_template, run_case
from tests.reliability.kills import kill_builds
from tests.reliability.projects import make_small_project

KILLS = 3
# The others differ from these in the damage alone.
SHORT = [
    "two builds at once",
    "no space for publishing",
    "no memory",
    "build file's middle overwritten",
    "published file cut short",
]
DAYS = {"labels": {"2026-01-01": "2-ab", "2026-01-02": "1-cd"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def cases(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    publish_template(project, folder)
    return folder


def test_after_a_kill_the_next_build_is_as_from_nothing_and_readers_never_err(
    project: Path, tmp_path: Path
) -> None:
    kills = [*kill_builds(project, tmp_path / "killed", KILLS, seed=1)]
    assert [kill.errors for kill in kills] == [[]] * KILLS
    assert all(kill.has_succeeded for kill in kills)
    assert all(kill.reads for kill in kills)
    assert kills[-1].is_equal


@pytest.mark.parametrize("name", SHORT)
def test_a_hardship_is_said_and_leaves_what_is_published(
    project: Path, cases: Path, name: str
) -> None:
    assert run_case(name, project, cases).problems == []


def write(published: PublishedFiles, content: bytes) -> None:
    """Writes the missing days as a build does, not yet to their place."""
    for path in published.missing_days(DAYS)["labels"].values():
        Path(path).write_bytes(content)


@pytest.fixture
def published(tmp_path: Path) -> PublishedFiles:
    published = PublishedFiles(tmp_path, lambda _: None)
    published.begin("first")
    return published


def test_days_that_a_kill_kept_from_their_place_are_written_anew(
    published: PublishedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(published, b"aPAR1")
    moves, move = iter([True]), os.replace

    def move_until_killed(source: Path, target: Path) -> None:
        next(moves)
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", move_until_killed)
        with pytest.raises(StopIteration):
            published.add_days(DAYS)

    published.begin("second")
    assert [*published.missing_days(DAYS)["labels"]] == ["2026-01-02"]
    write(published, b"bPAR1")
    files = published.add_days(DAYS)["labels"]
    assert [Path(file).read_bytes() for file in files] == [b"aPAR1", b"bPAR1"]
    assert not [*published.folder.rglob("*.new")]


def test_a_day_that_is_cut_short_is_written_anew(published: PublishedFiles) -> None:
    write(published, b"aPAR1")
    damaged, _ = published.add_days(DAYS)["labels"]
    Path(damaged).write_bytes(b"aP")
    assert [*published.missing_days(DAYS)["labels"]] == ["2026-01-01"]
    write(published, b"bPAR1")
    published.add_days(DAYS)
    assert Path(damaged).read_bytes() == b"bPAR1"


def test_days_are_kept_as_long_as_a_kept_build_names_them(
    published: PublishedFiles,
) -> None:
    def publish(build: str, days: dict[str, dict[str, str]]) -> set[str]:
        Path(published.begin(build)).write_bytes(b"")
        for paths in published.missing_days(days).values():
            for path in paths.values():
                Path(path).write_bytes(b"PAR1")
        published.add_days(days)
        published.finish(build, days)
        return {path.name for path in published.folder.rglob("*.parquet")}

    # As versions before left them: of events alone, a day of several files.
    Path(published.begin("1")).write_bytes(b"")
    published.finish("1", {})
    (published.folder / "1.json").write_text('{"2026-01-01": "1-ab"}')
    events = published.folder / "events"
    events.mkdir()
    for name in ("1-ab.parquet", "1-ab-1.parquet", "1-cd.parquet"):
        (events / f"2026-01-01-{name}").write_bytes(b"PAR1")

    old = {"2026-01-01-1-ab.parquet", "2026-01-01-1-ab-1.parquet"}
    first, second = {"2026-01-01-2-ab.parquet"}, {"2026-01-02-1-cd.parquet"}
    assert publish("2", DAYS) == old | first | second
    assert publish("3", {"labels": {"2026-01-01": "2-ab"}}) == first | second
    assert publish("4", {"labels": {"2026-01-01": "2-ab"}}) == first


class CtrlC:
    """Pressed at every line of plugins/published_files.py, once so many have run."""

    def __init__(self, lines_before: int) -> None:
        self.lines_before = lines_before

    @property
    def is_pressed(self) -> bool:
        return self.lines_before < 0

    def trace(self, frame: FrameType, event: str, _: object) -> Callable | None:
        if frame.f_code.co_filename != published_files.__file__:
            return None
        if event == "line":
            self.lines_before -= 1
            if self.is_pressed:
                signal.raise_signal(signal.SIGINT)
        return self.trace

    def may_interrupt(self, function: Callable, *arguments: object) -> None:
        tracer = sys.gettrace()
        sys.settrace(self.trace)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                function(*arguments)
        finally:
            sys.settrace(tracer)


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple]]:
    """What is registered to be called at the end of the process, and is not."""
    calls: list[tuple] = []
    monkeypatch.setattr(atexit, "register", lambda *call: calls.append(call))
    handler = signal.getsignal(signal.SIGINT)
    yield calls
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize("before", [None, '{"build": "1", "status": "published"}'])
def test_a_build_interrupted_anywhere_is_not_left_recorded_as_running(
    tmp_path: Path, at_exit: list[tuple], before: str | None
) -> None:
    running = json.dumps({"build": "2", "status": "running"})
    left = set()
    for line in count():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ctrl_c = CtrlC(line)
        record = tmp_path / str(line) / published_files.LAST_BUILD
        record.parent.mkdir()
        if before:
            record.write_text(before)
        published = PublishedFiles(record.parent, lambda _: None)
        ctrl_c.may_interrupt(published.record_build, running)
        while at_exit:
            ctrl_c.may_interrupt(*at_exit.pop())
        left.add(record.read_text() if record.exists() else None)
        if not ctrl_c.is_pressed:
            break
    assert before in left
    assert {json.loads(text)["status"] for text in left - {before}} == {"failed"}


def test_readers_of_the_build_before_keep_it_though_a_killed_one_left_a_file(
    published: PublishedFiles,
) -> None:
    def publish(build: str) -> None:
        Path(published.begin(build)).write_bytes(b"")
        published.finish(build, {})

    publish("1")
    (published.folder / "2.duckdb").write_bytes(b"")
    publish("3")
    assert {path.stem for path in published.folder.glob("*.duckdb")} == {"1", "3"}


def test_a_build_takes_earlier_scores_from_the_newest_published_file_that_is_whole(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    published = PublishedFiles(tmp_path, said.append)
    assert published.current() == ""
    for build in ("1", "2", "3"):
        with duckdb.connect(published.begin(build)) as connection:
            connection.execute(
                "create table t as select hash(range) from range(500000)"
            )
        published.finish(build, {})
    assert published.current() == str(published.folder / "3.duckdb")

    middle_overwritten(published.folder / "3.duckdb")
    assert published.current() == str(published.folder / "2.duckdb")
    assert "3.duckdb is damaged: Corrupt database file" in said[0]

    (tmp_path / "current.json").write_text("{")
    assert published.current() == str(published.folder / "2.duckdb")
    assert "current.json is damaged" in said[1]


def test_a_sealed_build_file_is_not_read_and_another_is(tmp_path: Path) -> None:
    said: list[str] = []
    file = BuildFile(tmp_path / "build.duckdb", said.append)
    file.prepare()
    with duckdb.connect(str(file.path)) as connection:
        connection.execute("create table t as select hash(range) from range(500000)")
    file.seal_file()
    written = file.path.stat()
    middle_overwritten(file.path)
    os.utime(file.path, ns=(written.st_atime_ns, written.st_mtime_ns))
    file.prepare()
    assert not said

    file.break_seal()
    file.prepare()
    assert "Corrupt database file" in said[0]
    assert not file.path.exists()
    assert file.path.with_name("build.duckdb.damaged").exists()
