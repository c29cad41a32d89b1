"""This project: dbt builds the models that hold the answer, in a process of its own.

What is timed is from the start of the first model to the end of the last one; that dbt
starts and parses is left out, as imports are elsewhere, and shown apart.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.make_events import FUNNEL, LATER_DAYS, PASSIVE, PROPERTIES, Data
from benchmarks.measure import Clock, Step
from benchmarks.question import BY_NAME, TASKS, WINDOW_DAYS

LOADED = ["path:models/staging", "path:models/core"]
MARTS = [mart for task in TASKS for mart in task.marts.split()]
COMMANDS = {
    "load": ["run", "--select", *LOADED],
    # All that is compared, and all there is with tests and publishing.
    "set": ["run", "--select", *LOADED, *MARTS],
    "build": ["build"],
    **{day: ["build"] for day in LATER_DAYS},
}
FOLDER = "dbt"  # the warehouse, beside the answers
PHASES = {
    "start": "Python and imports",
    "parse": "reading the project",
    "on-run-start": "connecting, on-run-start",
    "nodes": "models, seeds and tests",
    "on-run-end": "on-run-end: publishing",
    "artifacts": "dbt's files, end",
}


def take_in(data: Data, folder: Path, later_days: int = 0) -> None:
    """The files of the data where the build reads them, with so many days after them."""
    sources = {path.name: path for path in Path(data.event_files).parent.iterdir()}
    wanted = {f"events/{name}": path for name, path in sources.items()}
    wanted["users/users.parquet"] = Path(data.user_file)
    for day in data.later_days[:later_days]:
        for kind in ("events", "users"):
            wanted[f"{kind}/{day.name}.parquet"] = day / f"{kind}.parquet"
    for name, path in wanted.items():
        link = folder / "input" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        os.link(path, link)


def variables(folder: Path) -> dict[str, Any]:
    """What `dbt build --vars` takes for the data that a folder has taken in."""
    return {
        "events": str(folder / "input" / "events" / "*.parquet"),
        "users": str(folder / "input" / "users" / "*.parquet"),
        "sessions": "none",
        "excluded_users": "none",
        "passive_events": [PASSIVE],
        "segments": list(PROPERTIES),
        "activation": {"event": FUNNEL[-1], "count": 1, "within_days": WINDOW_DAYS},
        "funnels": [
            {
                "name": "order",
                "window_days": WINDOW_DAYS,
                "order": "ordered",
                "steps": [{"name": name, "event": name} for name in FUNNEL],
            }
        ],
    }


def run(
    task: str, data: Data, folder: Path, started: float, threads: int
) -> dict[str, Any]:
    """Runs the models of a task; those that they read must be there."""
    command = COMMANDS.get(task) or ["run", "--select", *BY_NAME[task].marts.split()]
    later_days = LATER_DAYS.index(task) + 1 if task in LATER_DAYS else 0
    take_in(data, folder / FOLDER, later_days)
    arguments = [*command, "--threads", str(threads)]
    arguments += ["--vars", json.dumps(variables(folder / FOLDER))]
    return run_dbt(arguments, folder / FOLDER, started)


def run_dbt(arguments: list[str], folder: Path, started: float) -> dict[str, Any]:
    """Runs a dbt command in a warehouse folder, and says how long its parts took.

    started: time.monotonic() at the start of the process.
    """
    os.environ |= {
        "WAREHOUSE_DIR": str(folder),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_USE_COLORS": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    from dbt.cli.main import dbtRunner

    watch = Watch(started)
    done = dbtRunner(callbacks=[watch]).invoke(["--quiet", *arguments])
    if not done.success:
        raise RuntimeError(f"dbt {' '.join(arguments)} failed: {done.exception or ''}")
    return watch.said()


class Watch:
    """Listens to dbt's events: when each node and each phase of a run began and ended."""

    def __init__(self, started: float) -> None:
        self.clock = Clock()
        self.queries: dict[str, float] = defaultdict(float)
        self.marks = {"process": started}
        self.statements: dict[str, list[float]] = {}
        self.statement = ""
        self.processor = 0.0

    def __call__(self, event: Any) -> None:
        name = event.info.name
        node = node_of(event)
        is_hook = node.startswith("operation.")
        if name in ("MainReportVersion", "FoundStats", "EndRunResult"):
            self.marks[name] = time.monotonic()
            self.processor = time.process_time()
        elif name == "NodeStart" and not is_hook:
            self.clock.start(node)
        elif name == "NodeFinished" and not is_hook:
            self.clock.stop(node)
            self.statements = {}
        elif name == "SQLQuery":
            # After the last node only the hooks of the run's end ask, one by one.
            self.statement = kind_of(event.data.sql)
        elif name == "SQLQueryStatus":
            self.queries[node] += event.data.elapsed
            count, seconds = self.statements.get(self.statement, (0, 0.0))
            self.statements[self.statement] = [count + 1, seconds + event.data.elapsed]

    def said(self) -> dict[str, Any]:
        """All of it, ready for JSON: seconds, phases, steps and the last statements."""
        ended = time.monotonic()
        for node, seconds in self.queries.items():
            if node in self.clock.steps:
                self.clock.steps[node].query_seconds = seconds
        first = self.clock.first[0] if self.clock.first else ended
        ends = [
            self.marks["MainReportVersion"],
            self.marks["FoundStats"],
            first,
            self.clock.last[0],
            self.marks["EndRunResult"],
            ended,
        ]
        starts = [self.marks["process"], *ends]
        phases = {
            name: round(end - start, 3)
            for name, start, end in zip(PHASES, starts, ends, strict=False)
        }
        return {
            "seconds": self.clock.seconds,
            "cpu_seconds": self.clock.cpu_seconds,
            "phases": phases,
            "publishing_cpu_seconds": self.processor - self.clock.last[1],
            "steps": folded(self.clock.steps),
            "last_statements": self.statements,
        }


def node_of(event: Any) -> str:
    """The id of the node that an event is about; empty where it is about none."""
    about = getattr(event.data, "node_info", None)
    return about.unique_id if about else ""


def kind_of(sql: str) -> str:
    """The first words of a statement, which say what it does, without texts in it."""
    text = re.sub("'[^']*'", " ", sql.rsplit("*/", 1)[-1]).replace("(", " ").split()
    return " ".join(text[:2]).lower()


def folded(steps: dict[str, Step]) -> dict[str, dict[str, Any]]:
    """Models and seeds by name; tests added up by kind, with their number."""
    found: dict[str, dict[str, Any]] = {}
    for node, step in steps.items():
        kind, _, name = node.split(".")[:3]
        key = f"{kind}.{name}" if kind in ("model", "seed") else kind
        into = found.setdefault(key, {"nodes": 0, **asdict(Step())})
        into["nodes"] += 1
        for figure in ("seconds", "cpu_seconds", "query_seconds"):
            into[figure] = round(into[figure] + getattr(step, figure), 3)
        into["peak_mb"] = max(into["peak_mb"], step.peak_mb)
    for each in found.values():
        del each["started"], each["cpu"]
    return found


def answer(task: str, warehouse: Path, folder: Path) -> None:
    """Writes the compared rows from the marts, which takes a process without dbt."""
    with duckdb.connect(str(warehouse / "build.duckdb"), read_only=True) as connection:
        connection.execute(
            f"copy ({BY_NAME[task].answer}) to '{folder / task}.parquet' (format parquet)"
        )


def days_that_differ(warehouse: Path) -> int:
    """Days whose active users are not those of the files that the build has read."""
    events = variables(warehouse)["events"]
    with duckdb.connect(str(warehouse / "build.duckdb"), read_only=True) as connection:
        return connection.execute(
            f"""
            with counted as (
                select cast(event_time as date) as activity_date,
                    count(distinct user_id) as dau
                from '{events}' where event_name <> '{PASSIVE}' group by all
            ),
            said as (
                select activity_date, dau from marts.daily_active
                where segment = 'all' and dau > 0
            )
            select count(*) from counted full join said using (activity_date)
            where counted.dau is distinct from said.dau
            """
        ).fetchall()[0][0]
