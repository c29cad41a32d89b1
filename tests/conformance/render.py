"""Renders the project's macros to SQL through dbt itself, many calls in one invocation.

    render([("sessionize", {"events": "events", "columns": ["user_id"]})])

A macro's SQL is what a model that calls it would compile to, so what is tested is the
definition that the marts use. Nothing is executed and no warehouse is opened.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

PROJECT = Path(__file__).resolve().parents[2]
MARK = "rendered:"
# dbt connects before it runs any macro: to a database of no one else.
PROFILE = """
product_analytics:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: ":memory:", schema: main}
"""
Call = tuple[str, dict[str, Any]]


class RenderError(Exception):
    """A macro refused its arguments; the text is what it said."""


def render(calls: Sequence[Call], variables: dict[str, Any] | None = None) -> list[str]:
    """SQL of each call (macro name, keyword arguments); variables override dbt's vars.

    Raises RenderError for the first call that a macro refuses.
    """
    rendered = render_each(calls, variables)
    for sql in rendered:
        if isinstance(sql, RenderError):
            raise sql
    return rendered


def render_each(
    calls: Sequence[Call], variables: dict[str, Any] | None = None
) -> list[str | RenderError]:
    """Like render, with the error in the place of the SQL of each refused call."""
    done: list[str | RenderError] = []
    while len(done) < len(calls):
        some, problem = _render_until_refused(calls[len(done) :], variables or {})
        done += some
        if problem is not None:
            done.append(RenderError(f"{calls[len(done)][0]}: {problem}"))
    return done


def _render_until_refused(
    calls: Sequence[Call], variables: dict[str, Any]
) -> tuple[list[str], str | None]:
    """SQL of the calls up to the first refused one, and why that one was refused."""
    rendered: list[str] = []
    problems: list[str] = []

    def collect(event: Any) -> None:
        if event.info.msg.startswith(MARK):
            rendered.append(json.loads(event.info.msg[len(MARK) :]))
        elif event.info.level == "error":
            problems.append(event.info.msg)

    payload = json.dumps([{"macro": name, "arguments": args} for name, args in calls])
    result = dbtRunner(manifest=_manifest(), callbacks=[collect]).invoke(
        [
            "run-operation",
            "render_macros",
            f"--args={json.dumps({'calls': payload})}",
            f"--vars={json.dumps(variables)}",
            *_options(),
        ]
    )
    if result.success and len(rendered) == len(calls):
        return rendered, None
    if not any("Compilation Error" in problem for problem in problems):
        raise RuntimeError(f"dbt cannot render: {problems or result.exception}")
    return rendered, "; ".join(_reason(problem) for problem in problems)


def _reason(message: str) -> str:
    """What the macro said, without dbt's words before and the call stack after it."""
    lines = [line.strip() for line in message.splitlines()[1:]]
    return " ".join(line for line in lines if line and not line.startswith(">"))


@cache
def _manifest() -> Any:
    """The parsed project, once per process."""
    result = dbtRunner().invoke(["parse", "--no-partial-parse", *_options()])
    if not result.success:
        raise RuntimeError(f"dbt cannot parse the project: {result.exception}")
    return result.result


@cache
def _options() -> tuple[str, ...]:
    """Options of every invocation: a folder of its own, nothing printed or logged."""
    folder = tempfile.mkdtemp(prefix="rendered-macros-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, "profiles.yml").write_text(PROFILE)
    return (
        "--log-level=none",
        "--no-use-colors",
        "--no-write-json",
        "--log-level-file=none",
        f"--project-dir={PROJECT}",
        f"--profiles-dir={folder}",
        f"--target-path={folder}/target",
        f"--log-path={folder}/logs",
    )
