"""The activation model and the reference agree on generated streams."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from tests.conformance.render import PROJECT
from tests.oracle.activation import activation
from tests.oracle.events import Event, Users
from tests.oracle.harness import Question, Row, Warehouse, check
from tests.oracle.streams import DST_EVE, MICROSECOND, short_streams

DEFINITIONS: list[dict[str, Any]] = [
    {"event": "a", "within_days": 2},
    {"event": "b", "within_days": 1},
    {"event": "a", "count": 2, "within_days": 3},
    {"event": "a", "count": 3, "within_days": 30},
    {"event": "b", "count": 1, "within_days": 0.5},
    {
        "event": "a",
        "where": [{"property": "v", "op": "icontains", "value": "p"}],
        "within_days": 4,
    },
]

DATA_END = DST_EVE + timedelta(days=5)

# What the model refs: sign-ups lie at, before and after events of the streams.
TABLES = {
    "dim_users": """
        select distinct
            user_id,
            timestamp '{eve}' + to_days(cast(stream % 4 as integer))
                + to_microseconds(cast(stream % 3 as integer) - 1) as signed_up_at
        from events
    """.format(eve=DST_EVE.isoformat(sep=" ")),
    "fct_events": "select * from events",
    "data_bounds": f"select timestamp '{DATA_END.isoformat(sep=' ')}' as data_end",
}


def signed_up_at(number: int) -> datetime:
    """When the users of a stream signed up."""
    return DST_EVE + timedelta(days=number % 4) + (number % 3 - 1) * MICROSECOND


@cache
def manifest(options: tuple[str, ...]) -> Any:
    """The parsed project."""
    result = dbtRunner().invoke(["parse", "--no-partial-parse", *options])
    assert result.success, result.exception
    return result.result


def compiled(definition: dict[str, Any], options: tuple[str, ...]) -> str:
    """The model's SQL for a definition; the models that it refs go by their names."""
    result = dbtRunner(manifest=manifest(options)).invoke(
        [
            "compile",
            "--select=activation",
            f"--vars={json.dumps({'activation': definition})}",
            "--no-populate-cache",
            "--no-introspect",
            *options,
        ]
    )
    assert result.success, result.exception
    (node,) = [
        each.node
        for each in result.result.results
        if each.node.resource_type == "model"
    ]
    return re.sub(r'"\w+"\."\w+"\."(\w+)"', r"\1", node.compiled_code)


def question(definition: dict[str, Any], sql: str) -> Question:
    """The model's SQL beside the reference."""

    def reference(events: list[Event], users: Users) -> list[Row]:
        rows = []
        for user_id in users:
            found = activation(
                user_id,
                signed_up_at(int(user_id.split(":")[0])),
                events,
                definition,
                definition.get("count", 1),
                timedelta(days=definition["within_days"]),
                DATA_END,
            )
            at = found.activated_at
            taken = None if at is None else (at - found.signed_up_at).total_seconds()
            rows.append(
                (
                    user_id,
                    found.signed_up_at,
                    at,
                    taken,
                    at is not None,
                    found.is_matured,
                )
            )
        return rows

    columns = (
        "cast(split_part(user_id, ':', 1) as bigint), user_id, signed_up_at,"
        " activated_at, seconds_to_activate, is_activated, is_matured"
    )
    return Question(
        f"activation({definition})", f"select {columns} from ({sql})", reference
    )


def make_views(warehouse: Warehouse) -> None:
    """The relations that the model refs."""
    for name, sql in TABLES.items():
        warehouse.execute(f"create or replace view {name} as {sql}")


def test_activation_is_that_of_the_reference(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    options = (
        "--quiet",
        "--log-level=none",
        "--no-write-json",
        f"--project-dir={PROJECT}",
        f"--profiles-dir={PROJECT}",
        f"--target-path={tmp_path}/target",
        f"--log-path={tmp_path}/logs",
    )
    questions = [
        question(definition, compiled(definition, options))
        for definition in DEFINITIONS
    ]
    streams = short_streams(unit=timedelta(hours=12), names=("a", "b"))
    line = check("activation", streams, questions, prepare=make_views)
    with capsys.disabled():
        print(f"\n{line}")
