"""Runs a folder of cases: `python -m tests.conformance.run [FOLDER]`.

One line a case, the last line `N passed, N failed, N skipped`; exit status 1 if any
failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb

from tests.conformance import kinds
from tests.conformance.case import (
    BrokenCaseError,
    Case,
    Question,
    load_events,
    read_case,
)
from tests.conformance.reasons import reason_to_skip
from tests.conformance.render import RenderError, render_each

DEFAULT_FOLDER = Path(__file__).with_name("cases")
KINDS: dict[str, ModuleType] = {
    module.name: importlib.import_module(f"{kinds.__name__}.{module.name}")
    for module in pkgutil.iter_modules(kinds.__path__)
}


@dataclass(frozen=True)
class Outcome:
    """What became of a case: status is passed, failed or skipped."""

    name: str
    status: str
    detail: str

    def __str__(self) -> str:
        return f"{self.status:7} {self.name}: {self.detail}"


@dataclass
class Asked:
    """A case on its way: its questions, and the SQL of each once it is rendered."""

    name: str
    case: Case
    questions: list[Question]
    queries: list[str | RenderError]


def run_folder(folder: Path) -> list[Outcome]:
    """Outcomes of all cases in a folder and below, in the order of their paths."""
    paths = sorted(folder.rglob("*.json"))
    names = {
        path: path.relative_to(folder).with_suffix("").as_posix() for path in paths
    }
    outcomes: dict[str, Outcome] = {}
    asked: list[Asked] = []
    for path in paths:
        prepared = _prepare(names[path], path)
        if isinstance(prepared, Outcome):
            outcomes[prepared.name] = prepared
        else:
            asked.append(prepared)
    _render(asked)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for one in asked:
            outcomes[one.name] = _ask(connection, one)
    return [outcomes[names[path]] for path in paths]


def _prepare(name: str, path: Path) -> Outcome | Asked:
    """The case's questions, or its outcome where it cannot or need not be asked."""
    try:
        case = read_case(path)
        if case.kind not in KINDS:
            raise BrokenCaseError(
                f"kind: got {case.kind!r}, allowed are: {', '.join(sorted(KINDS))}"
            )
        unknown = set(case.expected) - set(KINDS[case.kind].FIELDS)
        if unknown:
            raise BrokenCaseError(
                f"expected: got {', '.join(sorted(unknown))}, allowed in a case of"
                f" {case.kind} are: {', '.join(KINDS[case.kind].FIELDS)}"
            )
        reason = reason_to_skip(case)
        if reason is not None:
            return Outcome(name, "skipped", reason)
        return Asked(name, case, KINDS[case.kind].questions(case), [])
    except BrokenCaseError as problem:
        return Outcome(name, "failed", f"broken case: {problem}")
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as problem:
        return Outcome(name, "failed", f"broken case: {_one_line(problem)}")


def _render(asked: Sequence[Asked]) -> None:
    """Fills in the SQL of all questions: one dbt invocation per timezone."""
    for timezone in sorted({one.case.timezone for one in asked}):
        some = [one for one in asked if one.case.timezone == timezone]
        calls = [
            (question.macro, question.arguments)
            for one in some
            for question in one.questions
        ]
        queries = iter(render_each(calls, {"reporting_timezone": timezone}))
        for one in some:
            one.queries = [next(queries) for _ in one.questions]


def _ask(connection: duckdb.DuckDBPyConnection, asked: Asked) -> Outcome:
    """Runs a case's queries and compares the answer with what is expected."""
    case = asked.case
    rows: dict[str, list[dict[str, Any]]] = {}
    try:
        load_events(connection, case)
        for question, query in zip(asked.questions, asked.queries, strict=True):
            if isinstance(query, RenderError):
                return Outcome(asked.name, "failed", f"refused: {query}")
            connection.execute(f"create or replace table {question.name} as {query}")
            result = connection.execute(f"select * from {question.name}")
            columns = [column[0] for column in result.description]
            rows[question.name] = [
                dict(zip(columns, row, strict=True)) for row in result.fetchall()
            ]
        got = KINDS[case.kind].answer(case, rows)
    except duckdb.Error as problem:
        return Outcome(asked.name, "failed", f"the query failed: {_one_line(problem)}")
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as problem:
        return Outcome(asked.name, "failed", f"broken case: {_one_line(problem)}")
    differences = list(compare(case.expected, got))
    if differences:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        return Outcome(asked.name, "failed", differences[0] + more)
    asserted = _short(_asserted(case.expected, got))
    return Outcome(
        asked.name, "passed", f"expected {_short(case.expected)}, got {asserted}"
    )


def compare(expected: Any, got: Any, path: str = "") -> Iterator[str]:
    """Says where `got` is not what is expected; an expected null asserts nothing.

    Lists are compared item by item and must be of one length; of an object only the
    fields that are expected. A number is compared at the precision it is given in.
    """
    if expected is None:
        return
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            if value is not None:
                yield from compare(value, got.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            sizes = f"expected {len(expected)} items, got {len(got)}"
            yield f"{path}: {sizes}: {_short(got)}"
        for place, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from compare(one, other, f"{path}[{place}]")
    elif not _equal(expected, got):
        yield f"{path}: expected {_short(expected)}, got {_short(got)}"


def _asserted(expected: Any, got: Any) -> Any:
    """The part of an answer that a case says something about."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return {
            key: _asserted(value, got.get(key))
            for key, value in expected.items()
            if value is not None
        }
    if isinstance(expected, list) and isinstance(got, list):
        return [_asserted(one, other) for one, other in zip(expected, got, strict=True)]
    return got


def _equal(expected: Any, got: Any) -> bool:
    numbers = (int, float)
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, numbers) and isinstance(got, numbers):
        decimals = len(repr(expected).partition(".")[2]) if "." in repr(expected) else 0
        return abs(expected - got) <= (0.5 * 10**-decimals if decimals > 1 else 1e-9)
    return expected == got


def _short(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 100 else text[:97] + "..."


def _one_line(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:300]


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line: how many cases passed, failed and were skipped."""
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("passed", "failed", "skipped")
    }
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: prints the outcomes of a folder, gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    folder = parser.parse_args(arguments).folder
    if not folder.is_dir():
        parser.error(f"no folder {folder}")
    outcomes = run_folder(folder)
    for outcome in outcomes:
        print(outcome)
    print(summary(outcomes))
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
