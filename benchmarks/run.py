"""Asks all engines the same about the same events, compares answers, time and memory.

    python -m benchmarks.run 10m
    make bench SIZE=10m

Each task runs in a process of its own. Then the whole project is built on the events, and
built again after one day more. Answers must be equal, or the run fails. Prints tables, and
writes them with all figures into the folder of the data (results.json and .md); --keep
also into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import report
from benchmarks.engines import warehouse
from benchmarks.make_events import (
    LATER_DAYS,
    Data,
    describe,
    make,
    make_later_days,
    parse_size,
)
from benchmarks.measure import run_process
from benchmarks.progress import progress
from benchmarks.question import LOAD, TASKS
from benchmarks.task import ENGINES, THREADS
from benchmarks.task import PACKAGES as NEEDED

HAS_LOAD = ["warehouse", "clickhouse_tables"]
BUILT_IN = Path("warehouse") / warehouse.FOLDER
PACKAGES = ["duckdb", "dbt-core", "dbt-duckdb", "chdb", "chdb-core", "polars", "pandas"]


@dataclass(frozen=True)
class Measured:
    """What a task took an engine; status is `done`, or why it was not done."""

    engine: str
    task: str
    status: str
    seconds: float
    cpu_seconds: float
    process_seconds: float
    peak_mb: int
    steps: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    last_statements: dict[str, list[float]] = field(default_factory=dict)
    publishing_cpu_seconds: float = 0.0


def measure(
    engine: str,
    task: str,
    data: Data,
    folder: Path,
    limits: tuple[int, float],
    threads: int = THREADS,
) -> Measured:
    """Runs a task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.task", engine, task]
    command += ["--events", str(data.events), "--users", str(data.users)]
    command += ["--folder", str(folder / engine), "--started", str(time.monotonic())]
    if engine == "warehouse":
        command += ["--threads", str(threads)]
    environment = {"BENCHMARK_DIR": str(data.folder.parent)}
    done = run_process(command, *limits, environment)
    if done.status.startswith("exit code"):
        raise RuntimeError(f"{engine}, {task}: {done.status}\n{done.output}")
    said = {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds}
    if done.status == "done":
        said = json.loads(done.output.splitlines()[-1])
    return Measured(
        engine,
        task,
        done.status,
        process_seconds=done.seconds,
        peak_mb=done.peak_mb,
        **said,
    )


def differences(task: str, engines: Sequence[str], folder: Path) -> dict[str, int]:
    """Rows in which an engine's answer differs from that of the first."""
    columns = answer_columns(folder / engines[0] / f"{task}.parquet")
    found = {}
    with duckdb.connect() as connection:
        for engine in engines:
            connection.execute(
                f"create view {engine} as select {columns}"
                f" from '{folder / engine / task}.parquet'"
            )
            first = engines[0]
            found[engine] = connection.execute(
                f"""
                select
                    (select count(*) from (from {first} except all from {engine}))
                    + (select count(*) from (from {engine} except all from {first}))
                """
            ).fetchall()[0][0]
    return found


def answer_columns(path: Path) -> str:
    """The columns of an answer, cast to types that all engines have."""
    with duckdb.connect() as connection:
        columns = connection.execute(f"describe from '{path}'").fetchall()
    kinds = {"DATE": "date", "VARCHAR": "varchar"}
    return ", ".join(
        f"cast({name} as {kinds.get(kind, 'bigint')}) as {name}"
        for name, kind, *_ in columns
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_gb(), 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "memory_limit": os.environ.get("WAREHOUSE_MEMORY_LIMIT", "80%"),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's name where the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    return next(named, platform.processor())


def memory_gb() -> float:
    """The memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def installed(package: str) -> str | None:
    """The version of a package, None where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def available(engines: Sequence[str]) -> list[str]:
    """The engines that are installed; says of the others what they lack."""
    missing = [
        name for name in engines if name in NEEDED and not find_spec(NEEDED[name])
    ]
    for name in missing:
        print(f"{ENGINES[name]} is left out: {NEEDED[name]} is not installed.")
    return [name for name in engines if name not in missing]


def free_mb() -> int:
    """Memory that nobody needs now; where the system does not say, what there is."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return int(memory_gb() * 1024)
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(next(found, memory_gb() * 2**20)) // 1024


def planned(engines: Sequence[str]) -> list[tuple[str, str]]:
    """Which engine does which task, in which order."""
    loads = [(engine, LOAD.name) for engine in engines if engine in HAS_LOAD]
    return loads + [(engine, task.name) for task in TASKS for engine in engines]


def compare(
    data: Data, plan: Sequence[tuple[str, str]], limits: tuple[int, float]
) -> dict[str, Any]:
    """Performs what is planned; raises where answers differ."""
    folder = data.folder / "answers"
    shutil.rmtree(folder, ignore_errors=True)
    measured = []
    for engine, task in progress(plan, "benchmark"):
        measured.append(measure(engine, task, data, folder, limits))
        if measured[-1].status != "done":
            title = f"{ENGINES[engine]}, {task}"
            print(f"{title} was ended: it took {measured[-1].status}.", flush=True)
    engines = list(dict.fromkeys(engine for engine, _ in plan))
    given_up = {(each.engine, each.task) for each in measured if each.status != "done"}
    if "warehouse" in engines:
        write_answers(folder, "warehouse")
    require_equal(folder, engines, given_up)
    return {
        "data": data.said,
        "machine": machine(),
        "engines": engines,
        "tasks": [asdict(each) for each in measured],
    }


def write_answers(folder: Path, name: str) -> None:
    """Reads the answers of all tasks from the marts."""
    (folder / name).mkdir(exist_ok=True)
    for task in TASKS:
        warehouse.answer(task.name, folder / BUILT_IN, folder / name)


def require_equal(
    folder: Path, engines: Sequence[str], given_up: set[tuple[str, str]]
) -> None:
    """Raises where an answer differs from the first engine's."""
    unequal = {}
    for task in TASKS:
        answered = [name for name in engines if (name, task.name) not in given_up]
        found = differences(task.name, answered, folder)
        unequal |= {(task.name, engine): n for engine, n in found.items() if n}
    if unequal:
        raise RuntimeError(f"Answers differ from those of {engines[0]}: {unequal}")


def build_by_day(data: Data, limits: tuple[int, float], threads: int) -> dict[str, Any]:
    """A whole dbt build with tests and publishing, and others after a day more each."""
    folder = data.folder / "answers"
    shutil.rmtree(folder / BUILT_IN, ignore_errors=True)
    found: dict[str, Any] = {"threads": threads}
    for task in progress(["build", *LATER_DAYS], "dbt build"):
        built = measure("warehouse", task, data, folder, limits, threads)
        if built.status != "done":
            raise RuntimeError(f"dbt build, {task}, was ended: {built.status}")
        found[task] = asdict(built)
        if wrong := warehouse.days_that_differ(folder / BUILT_IN):
            raise RuntimeError(f"dbt build, {task}: DAU differs on {wrong} days")
        if task == "build":
            write_answers(folder, "built")
            if all(
                (folder / "warehouse" / f"{t.name}.parquet").exists() for t in TASKS
            ):
                require_equal(folder, ["warehouse", "built"], set())
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Compares engines on the same events.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("size", type=parse_size, help="how many events, such as 10m")
    parser.add_argument(
        "--users", type=parse_size, help="default: a 50th of the events"
    )
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="ENGINE"
    )
    parser.add_argument(
        "--only",
        choices=["peers", "builds"],
        help="only the comparison, or only the builds of the whole project",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=THREADS,
        help="nodes at once in the builds; with 1, processor time is told by node",
    )
    parser.add_argument(
        "--memory-limit",
        default=os.environ.get("WAREHOUSE_MEMORY_LIMIT", "6GB"),
        help="DuckDB's in the warehouse; beyond it is written to disk",
    )
    parser.add_argument(
        "--process-mb",
        type=int,
        default=free_mb() * 9 // 10,
        help="a process that takes more is ended",
    )
    parser.add_argument("--seconds", type=float, default=7200, help="for each task")
    parser.add_argument(
        "--keep", action="store_true", help="write the figures into docs/benchmarks.md"
    )
    given = parser.parse_args()
    os.environ["WAREHOUSE_MEMORY_LIMIT"] = given.memory_limit
    data = make(describe(given.size, given.users))
    make_later_days(data)
    limits = (given.process_mb, given.seconds)
    kept = data.folder / "results.json"
    results = json.loads(kept.read_text()) if given.only and kept.exists() else {}
    if given.only != "builds":
        results |= compare(data, planned(available(given.engines)), limits)
        kept.write_text(json.dumps(results, indent=1))
    if given.only != "peers":
        results |= {"data": data.said, "machine": machine()}
        results |= build_by_day(data, limits, given.threads)
    kept.write_text(json.dumps(results, indent=1))
    text = report.as_markdown(results)
    (data.folder / "results.md").write_text(text)
    print(text)
    if given.keep:
        report.keep(results, report.size_of(results))


if __name__ == "__main__":
    main()
