"""Runs SQL that a user typed in a process of its own, and ends it when its time is up.

A process, because of what the connection of the other pages may do: it reads the folder
of the published events, and what DuckDB may read it may write. And a query that runs
out of memory takes its own process with it, not the dashboard.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from dashboard.ask import worker
from dashboard.ask.rules import NotAllowedError

WORKER = Path(worker.__file__)
# At once, in the whole dashboard; whoever comes later is told to wait.
MOST_AT_ONCE = 2
_free = threading.BoundedSemaphore(MOST_AT_ONCE)


class Limits(NamedTuple):
    """What a query may need: seconds, rows and megabytes of its answer, of memory."""

    seconds: int = 10
    rows: int = 10_000
    answer_mb: int = 20
    memory_mb: int = 512


class Answer(NamedTuple):
    """The first rows, and whether there were more than the limit."""

    rows: pd.DataFrame
    is_cut: bool


LIMITS = Limits()


def run(path: str, sql: str, limits: Limits = LIMITS) -> Answer:
    """Rows of one query over the marts of the published file at `path`.

    Raises:
        NotAllowedError: the query is refused, wrong, too large, too slow, or others are
            running; the message is a sentence for the user.
    """
    if not _free.acquire(blocking=False):
        raise NotAllowedError(
            f"{MOST_AT_ONCE} queries are running already. Try again in a few seconds."
        )
    try:
        return _run(path, sql, limits)
    finally:
        _free.release()


def _run(path: str, sql: str, limits: Limits) -> Answer:
    process = subprocess.Popen(
        [sys.executable, "-I", str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        start_new_session=True,
    )
    request = json.dumps({"path": path, "sql": sql, **limits._asdict()})
    try:
        output, said = process.communicate(request.encode(), timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        raise NotAllowedError(
            f"The query took longer than {limits.seconds} seconds and was stopped. "
            "Ask for fewer days, users or columns."
        ) from None
    finally:
        process.kill()
        process.wait()
    if process.returncode == worker.REFUSED:
        raise NotAllowedError(said.decode(errors="replace"))
    if process.returncode != 0:
        # DuckDB's own limit did not hold, so the operating system ended the process. Its
        # limit of processor time is not reached before the time-out above.
        raise NotAllowedError(worker.too_much_memory(limits.memory_mb))
    rows = pa.ipc.open_stream(output).read_all().to_pandas()
    return Answer(rows.head(limits.rows), len(rows) > limits.rows)
