"""Kills builds at random moments, and looks at what is left of them.

Each time the input grows by a day, with late, corrected and deleted events; a build
starts, and gets SIGKILL; the next build must succeed, and what it made must equal, row for
row, what is made of the same input from nothing. A reader reads all the while.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tests.builds import differences
from tests.reliability.inputs import FIRST_DAY, LAST_DAY, variables, write_day
from tests.reliability.projects import Builder
from tests.reliability.reader import Reader

AIMED_SHARE = 0.4  # of the kills: at the publishing, which is short
COMPARED_EVERY = 10
MOST_KILLS = LAST_DAY - FIRST_DAY - 1


class Moment(NamedTuple):
    """When to kill: so many seconds after something has come to be."""

    name: str
    has_come: Callable[[], bool]
    seconds: float


class Kill(NamedTuple):
    """A build that was killed, and what came of it."""

    moment: str
    phase: str
    running: str
    published: bool
    next_build: str
    has_succeeded: bool
    is_compared: bool
    is_equal: bool
    reads: int
    builds: int
    errors: list[str]


@dataclass
class Files:
    """What the files of a warehouse say of how far a build has come."""

    warehouse: Path

    @property
    def published(self) -> Path:
        return self.warehouse / "published"

    def pointer(self) -> str:
        return (self.warehouse / "current.json").read_text()

    def marts(self) -> set[str]:
        return {path.name for path in self.published.glob("*.duckdb")}

    def is_copying_marts(self) -> bool:
        return any(self.published.glob("*.duckdb.new"))

    def is_writing_days(self) -> bool:
        return any(self.published.glob("*/*.parquet.new"))


@dataclass
class Times:
    """How long a build takes, and its publishing, as last seen."""

    build: float = 0
    publishing: float = 0


def kill_builds(project: Path, folder: Path, kills: int, seed: int) -> Iterator[Kill]:
    """Kills so many builds of a project, one after the other, in a folder.

    Every COMPARED_EVERY-th build after a kill, and the last, is compared with one made
    from nothing.

    Raises:
        AssertionError: the first build, or one that was over before its kill, failed.
    """
    chance = random.Random(seed)
    times = Times()
    builder = Builder(project, folder / "warehouse", variables(folder))
    folder.mkdir(parents=True)
    write_day(folder, FIRST_DAY)
    _, failure = _timed_build(builder, times)
    assert not failure, failure
    reader = Reader(builder.warehouse)
    seen = reader.seen()
    done = 0
    day = FIRST_DAY
    while done < kills:
        if day < LAST_DAY:
            day += 1
        write_day(folder, day)
        files = Files(builder.warehouse)
        before, known = files.pointer(), files.marts()
        moment = _moment(chance, files, times, before, known)
        log = folder / "killed.jsonl"
        was_killed = _start_and_kill(builder, moment, log)
        phase, running = _phase(log, files, before, known)
        published = files.pointer() != before
        if not was_killed:
            assert published, "a build that was not killed did not publish"
            continue
        done += 1
        is_compared = done % COMPARED_EVERY == 0 or done == kills
        reference = _copy_of_published(builder, folder) if is_compared else None
        next_build, failure = _timed_build(builder, times)
        differing = _differences(builder, reference) if reference else []
        now = reader.end() if done == kills else reader.seen()
        yield Kill(
            moment=moment.name,
            phase=phase,
            running=running,
            published=published,
            next_build=next_build,
            has_succeeded=not failure,
            is_compared=is_compared,
            is_equal=is_compared and not differing,
            reads=now.reads - seen.reads,
            builds=now.builds,
            errors=[*failure, *differing, *now.errors[len(seen.errors) :]],
        )
        seen = now


def _moment(
    chance: random.Random, files: Files, times: Times, before: str, known: set[str]
) -> Moment:
    """Any moment of the build; or, for AIMED_SHARE of them, one of the publishing."""
    share = chance.random()
    if chance.random() >= AIMED_SHARE:
        at = share * times.build
        return Moment(f"{share:.0%} of a build ({at:.1f} s)", lambda: True, at)
    at = share * times.publishing
    return chance.choice(
        [
            Moment(
                f"{share:.0%} of publishing ({at:.1f} s)", files.is_copying_marts, at
            ),
            Moment("days are written", files.is_writing_days, share / 10),
            Moment("the new file has its name", lambda: bool(files.marts() - known), 0),
            Moment("the pointer has moved", lambda: files.pointer() != before, 0),
        ]
    )


def _start_and_kill(builder: Builder, moment: Moment, log: Path) -> bool:
    """Whether the build was still there to be killed."""
    process = builder.start_build("--log-format", "json", output=log)
    while not moment.has_come() and process.poll() is None:
        time.sleep(0.001)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment.seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _timed_build(builder: Builder, times: Times) -> tuple[str, list[str]]:
    """Builds; gives what it did, and its failure, if any. Notes how long it took."""
    files = Files(builder.warehouse)
    before = files.pointer() if (builder.warehouse / "current.json").exists() else ""
    started = time.monotonic()
    process = builder.start_build(output=builder.warehouse.parent / "next.log")
    began = published = 0.0
    while process.poll() is None:
        if not began and files.is_copying_marts():
            began = time.monotonic()
        if began and not published and not files.is_copying_marts():
            published = time.monotonic()
        time.sleep(0.02)
    ended = time.monotonic()
    output = (builder.warehouse.parent / "next.log").read_text()
    if process.returncode or not published or files.pointer() == before:
        return "failed", [f"the next build failed:\n{output[-3000:]}"]
    if any(builder.warehouse.rglob("*.new*")):
        return "left files", ["the next build left unfinished files"]
    times.build, times.publishing = ended - started, published - began
    return f"published ({times.build:.0f} s)", []


def _copy_of_published(builder: Builder, folder: Path) -> Builder:
    """A warehouse that has what is published, from which scores are kept, and no build."""
    reference = folder / "reference"
    shutil.rmtree(reference, ignore_errors=True)
    reference.mkdir()
    shutil.copy(builder.warehouse / "current.json", reference)
    # The target folder spares dbt from parsing the project again.
    for name in ("published", "target"):
        shutil.copytree(builder.warehouse / name, reference / name)
    return replace(builder, warehouse=reference)


def _differences(builder: Builder, reference: Builder) -> list[str]:
    made = reference.build("--resource-type", "model", "--resource-type", "seed")
    if made.returncode:
        return [f"a build from nothing failed:\n{made.output[-3000:]}"]
    return [
        f"{table} differs from a build from nothing: {rows}"
        for table, rows in differences(builder.warehouse, reference.warehouse).items()
    ]


def _phase(log: Path, files: Files, before: str, known: set[str]) -> tuple[str, str]:
    """How far a killed build had come, and which nodes were running."""
    running, begun, total = _running(log)
    if files.pointer() != before:
        return "after the switch", ""
    if files.marts() - known:
        return "publishing: switch", ""
    if files.is_writing_days():
        return "publishing: days", ""
    if files.is_copying_marts():
        return "publishing: marts", ""
    if not begun:
        return "start, parse", ""
    if not running:
        return ("on-run-end", "") if begun == total else ("between nodes", "")
    phase = min((_layer(node) for node in running), key=LAYERS.index)
    tests = sum(_layer(node) == "tests" for node in running)
    names = sorted(node["node_name"] for node in running if _layer(node) != "tests")
    return phase, ", ".join([*names, f"{tests} tests"] if tests else names)


LAYERS = ["on-run-start", "seed", "staging", "core", "marts", "tests"]


def _layer(node: dict[str, str]) -> str:
    if node["resource_type"] == "model":
        return node["node_path"].split("/")[0]
    return {"test": "tests", "seed": "seed"}.get(node["resource_type"], "on-run-start")


def _running(log: Path) -> tuple[list[dict[str, str]], int, int]:
    """Nodes that have begun and not ended; how many have begun, of how many."""
    running: dict[str, dict[str, str]] = {}
    begun = total = 0
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a killed build may be half a line
        node = entry["data"].get("node_info") or {}
        if "unique_id" not in node:
            continue
        name = entry["info"]["name"]
        if name in ("LogStartLine", "LogHookStartLine"):
            running[node["unique_id"]] = node
            if name == "LogStartLine":
                begun, total = begun + 1, entry["data"]["total"]
        elif name.endswith(("Result", "HookEndLine")):
            running.pop(node["unique_id"], None)
    return [*running.values()], begun, total
