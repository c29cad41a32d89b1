"""What is not a kill: two builds at once, no space, no memory, damaged files.

Each case starts from a published build, and gives what was said and what was not as
promised. The next build always succeeds.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from tests.builds import DbtRun, differences, published_file, published_state
from tests.reliability.inputs import FIRST_DAY, variables, write_day
from tests.reliability.projects import Builder
from tests.reliability.reader import Reader, Seen

EVERYONE = 1  # of the users: more than fits into SPACE_LEFT and LITTLE_MEMORY
SPACE_LEFT = 1 << 20
LITTLE_MEMORY = "24MB"
CASE, TEMPLATE = "case", "template"


class Outcome(NamedTuple):
    """What became of a case: what was said, and what was not as promised."""

    name: str
    said: list[str]
    problems: list[str]


@dataclass
class Case:
    """A published build of one day, in a folder of its own, that meets a hardship."""

    builder: Builder
    folder: Path
    said: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def warehouse(self) -> Path:
        return self.builder.warehouse

    def must(self, is_so: bool, sentence: str) -> None:
        if not is_so:
            self.problems.append(f"not so: {sentence}")

    def must_fail(self, run: DbtRun, says: str, published: dict[str, bytes]) -> None:
        """The build says a sentence, and leaves what is published to the byte."""
        self.must(run.returncode != 0, "the build fails")
        self.must_say(run, says)
        self.must("Traceback" not in run.output, "a sentence, not a stack, is printed")
        # New days of events may be there; nothing names them yet.
        kept = published.items() <= published_state(self.warehouse).items()
        self.must(kept, "what readers see is as it was, to the byte")

    def must_say(self, run: DbtRun, says: str) -> None:
        lines = [line for line in run.output.splitlines() if says in line]
        self.must(bool(lines), f"'{says}' is printed, but:\n{run.output[-3000:]}")
        self.said += [self.shortened(line) for line in lines[:1]]

    def shortened(self, line: str) -> str:
        """Without the time, and without the path of this folder."""
        without_time = re.sub(r"^\d\d:\d\d:\d\d", "", line)
        return without_time.replace(f"{self.folder}/", "").strip()

    def must_build(self) -> DbtRun:
        """The next build publishes."""
        run = self.builder.build()
        self.must(
            run.returncode == 0 and "Published " in run.output,
            f"the next build succeeds:\n{run.output[-3000:]}",
        )
        self.must(not [*self.warehouse.rglob("*.new*")], "no unfinished file is left")
        return run


def run_cases(project: Path, folder: Path) -> Iterator[Outcome]:
    """Runs all CASES, each on a copy of one published build."""
    publish_template(project, folder)
    for name in CASES:
        yield run_case(name, project, folder)


def publish_template(project: Path, folder: Path) -> None:
    """Publishes, in a folder, a build of the inputs of one day."""
    case = folder / CASE
    case.mkdir(parents=True)
    write_day(case, FIRST_DAY)
    run = Builder(project, case / "warehouse", variables(case)).build()
    assert run.returncode == 0, run.output
    case.rename(folder / TEMPLATE)


def run_case(name: str, project: Path, folder: Path) -> Outcome:
    """Runs one of CASES on a copy of what publish_template has left in a folder.

    Its paths are those of the template, so that dbt need not parse the project again.
    """
    place = folder / CASE
    shutil.copytree(folder / TEMPLATE, place)
    try:
        case = Case(Builder(project, place / "warehouse", variables(place)), place)
        CASES[name](case)
    finally:
        shutil.rmtree(place)
    return Outcome(name, case.said, case.problems)


def two_builds_at_once(case: Case) -> None:
    record = case.warehouse / "last_build.json"
    first = case.builder.start_build()
    while '"running"' not in record.read_text() and first.poll() is None:
        time.sleep(0.001)
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        recorded, published = record.read_text(), published_state(case.warehouse)
        second = case.builder.build()
        case.must_fail(second, "another build is running", published)
        case.must(f"PID {first.pid}" in second.output, "the first one is named")
        case.must(record.read_text() == recorded, "the first one's record stays")
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    case.must(first.wait() == 0, "the first build succeeds")


def no_space_for_the_build(case: Case) -> None:
    write_day(case.folder, FIRST_DAY + 1, EVERYONE)
    published = published_state(case.warehouse)
    with small_disk(case.warehouse) as make_room:
        if make_room:
            case.must_fail(case.builder.build(), "No space left", published)
            make_room()
            case.must_build()
            return
    case.said.append("(no disk can be mounted: a limit on the size of files instead)")
    with file_limit(case.warehouse / "build.duckdb"):
        run = case.builder.build()
    case.must_fail(run, "File too large", published)
    case.must_build()


def no_space_for_publishing(case: Case) -> None:
    write_day(case.folder, FIRST_DAY + 1, EVERYONE)
    published = published_state(case.warehouse)
    with small_disk(case.warehouse / "published") as make_room:
        if not make_room:
            case.said.append("(not tried: it needs a disk, which only root can mount)")
            return
        case.must_fail(case.builder.build(), "No space left", published)
        case.must(not [*case.warehouse.rglob("*.new*")], "it removes what it began")
        make_room()
        case.must_build()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], object] | None]:
    """Puts a folder on a disk of its own, nearly full; gives how to make room on it.

    Gives None, and leaves the folder as it is, where no disk can be mounted.
    """
    # Of such a disk a file takes whole pages, and published days are many small files.
    page = resource.getpagesize()
    used = sum(-(-path.stat().st_size // page) * page for path in folder.rglob("*"))
    kept = shutil.copytree(folder, folder.with_name("kept"))
    size = f"size={used + SPACE_LEFT}"
    if os.geteuid() != 0 or not _mount("-t", "tmpfs", "-o", size, "tmpfs", folder):
        yield None
        return
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield lambda: _mount("-o", "remount,size=1g", folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: object) -> bool:
    command = ["mount", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def file_limit(file: Path) -> Iterator[None]:
    """No file may grow much beyond the size of this one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (file.stat().st_size + SPACE_LEFT, before[1])
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def no_memory(case: Case) -> None:
    write_day(case.folder, FIRST_DAY + 1, EVERYONE)
    published = published_state(case.warehouse)
    limit = {"WAREHOUSE_MEMORY_LIMIT": LITTLE_MEMORY}
    run = case.builder.build(environment=limit)
    case.must_fail(run, "Out of Memory", published)
    case.must_build()


def damaged(damage: Callable[[Path], None]) -> Callable[[Case], None]:
    """Case of a build file that something happened to: said, and made anew."""

    def run(case: Case) -> None:
        build = case.warehouse / "build.duckdb"
        write_day(case.folder, FIRST_DAY + 1)
        reference = case.folder / "reference"
        shutil.copytree(case.warehouse, reference)
        (reference / "build.duckdb").unlink()
        damage(build)
        content = build.read_bytes()
        made = case.must_build()
        case.must_say(made, "is damaged: ")
        aside = build.with_name("build.duckdb.damaged")
        case.must(
            aside.exists() and aside.read_bytes() == content, "the file is set aside"
        )
        replace(case.builder, warehouse=reference).build()
        differing = differences(case.warehouse, reference)
        case.must(not differing, f"all is as made from nothing: {differing}")

    return run


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def overwrite(file: Path, at: int) -> None:
    """A stretch longer than a block, so that it hits one in use."""
    with open(file, "r+b") as opened:
        opened.seek(at)
        opened.write(random.Random(at).randbytes(600_000))


def header_overwritten(file: Path) -> None:
    overwrite(file, 0)


def middle_overwritten(file: Path) -> None:
    overwrite(file, file.stat().st_size // 2)


def garbage_in_the_log(case: Case) -> None:
    """DuckDB's log of what is not yet in the build file ends where it makes no sense."""
    log = case.warehouse / "build.duckdb.wal"
    log.write_bytes(random.Random(1).randbytes(5000))
    write_day(case.folder, FIRST_DAY + 1)
    case.must_build()
    case.must(not log.exists(), "the log is gone")
    case.said.append("(the log holds nothing that was committed, and is left out)")


def published_file_cut_short(case: Case) -> None:
    cut_short(published_file(case.warehouse))
    _republished(case)


def published_file_missing(case: Case) -> None:
    published_file(case.warehouse).unlink()
    _republished(case)


def pointer_cut_short(case: Case) -> None:
    cut_short(case.warehouse / "current.json")
    _republished(case)


def day_of_events_cut_short(case: Case) -> None:
    cut_short(min((case.warehouse / "published" / "events").glob("*.parquet")))
    case.must_build()
    case.must(_witness(case).errors == [], "what is published is whole again")


def _republished(case: Case) -> None:
    """Readers are told, and the next build, though made from nothing, publishes."""
    errors = _witness(case).errors
    case.must(
        bool(errors) and all("UnreadableWarehouseError" in error for error in errors),
        f"readers are told that the file cannot be read: {errors}",
    )
    case.said += [case.shortened(error) for error in errors[:1]]
    (case.warehouse / "build.duckdb").unlink()
    case.must_build()
    case.must(_witness(case).errors == [], "what is published is whole again")


def _witness(case: Case) -> Seen:
    reader = Reader(case.warehouse)
    reader.seen()
    return reader.end()


CASES: dict[str, Callable[[Case], None]] = {
    "two builds at once": two_builds_at_once,
    "no space for the build file": no_space_for_the_build,
    "no space for publishing": no_space_for_publishing,
    "no memory": no_memory,
    "build file cut short": damaged(cut_short),
    "build file emptied": damaged(emptied),
    "build file's header overwritten": damaged(header_overwritten),
    "build file's middle overwritten": damaged(middle_overwritten),
    "garbage in the build file's log": garbage_in_the_log,
    "published file cut short": published_file_cut_short,
    "published file missing": published_file_missing,
    "pointer cut short": pointer_cut_short,
    "a published day of events cut short": day_of_events_cut_short,
}
