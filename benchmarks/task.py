"""One task of one engine in a process of its own: python -m benchmarks.task ENGINE TASK.

Prints a line of JSON. Timed is what the engine does, from before it reads until its answer
is written; starting Python and importing the engine is not.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.make_events import Data, describe

ENGINES = {
    "warehouse": "dbt on DuckDB",
    "clickhouse": "ClickHouse, files",
    "clickhouse_tables": "ClickHouse, tables",
    "polars": "Polars",
    "pandas": "pandas",
}
MODULES = {
    "clickhouse": "clickhouse",
    "clickhouse_tables": "clickhouse",
    "polars": "polars_frames",
    "pandas": "pandas_frames",
}

PACKAGES = {
    "clickhouse": "chdb",
    "clickhouse_tables": "chdb",
    "polars": "polars",
    "pandas": "pandas",
}
THREADS = 2  # of dbt: nodes at once, as many as in profiles.yml


def perform(
    engine: str, task: str, data: Data, folder: Path, started: float, threads: int
) -> dict[str, Any]:
    """Performs a task, and says how long it took by the clock and the processor."""
    if engine == "warehouse":
        from benchmarks.engines import warehouse

        return warehouse.run(task, data, folder, started, threads)
    module = import_module(f"benchmarks.engines.{MODULES[engine]}")
    options = {"tables": True} if engine == "clickhouse_tables" else {}
    began, cpu = time.monotonic(), time.process_time()
    module.run(task, data, folder, **options)
    return {
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
    }


def main() -> None:
    """The command line; run.py calls it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("task")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--started", type=float, default=time.monotonic())
    parser.add_argument("--threads", type=int, default=THREADS, help="of dbt")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    data = describe(given.events, given.users)
    said = perform(
        given.engine, given.task, data, given.folder, given.started, given.threads
    )
    print(json.dumps(said))


if __name__ == "__main__":
    main()
