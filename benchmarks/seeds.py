"""What of a build of the seeds is dbt's own: starting, reading the project, hooks.

    python -m benchmarks.seeds [--runs 3] [--keep]

Each run builds into an empty folder, and once more into the same one, where dbt has read
the project before and facts are kept. Each build is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.engines.warehouse import run_dbt
from benchmarks.measure import run_process
from benchmarks.progress import progress
from benchmarks.run import machine

LONGEST = 3600


def build(folder: Path) -> dict[str, Any]:
    """One build of the seeds: its phases, steps, statements of its end, and process."""
    command = [sys.executable, "-m", "benchmarks.seeds", "--folder", str(folder)]
    command += ["--started", str(time.monotonic())]
    done = run_process(command, sys.maxsize, LONGEST, {})
    if done.status != "done":
        raise RuntimeError(f"dbt build of the seeds: {done.status}\n{done.output}")
    said = json.loads(done.output.splitlines()[-1])
    return said | {"process_seconds": done.seconds, "peak_mb": done.peak_mb}


def measured(runs: int) -> dict[str, Any]:
    """First builds and those that follow them."""
    found: dict[str, Any] = {"machine": machine(), "first": [], "again": []}
    for _ in progress(range(runs), "seeds"):
        with tempfile.TemporaryDirectory() as folder:
            for kind in ("first", "again"):
                found[kind].append(build(Path(folder)))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--keep", action="store_true", help="write the figures into docs/benchmarks.md"
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(run_dbt(["build"], given.folder, given.started)))
        return
    results = measured(given.runs)
    print(report.seeds_markdown(results))
    if given.keep:
        report.keep(results, "seeds")


if __name__ == "__main__":
    main()
