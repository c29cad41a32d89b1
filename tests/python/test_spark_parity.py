"""Spark builds the same tables as DuckDB, row for row: from the seeds, and from odd input.

Needs Java and pyspark (`make spark-setup`); skipped, with the reason, where they are not.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.builds import PROJECT, DbtRun, run_dbt
from tests.spark.build import (
    WITHOUT_TESTS,
    build_on_spark,
    missing,
    relation_files,
)
from tests.spark.compare import differences

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

NAME = "a \"b\" \\ 'c' é"


@dataclass(frozen=True)
class Pair:
    """The same input built on DuckDB and on Spark."""

    duckdb: DbtRun
    spark: subprocess.CompletedProcess[str]
    warehouse: Path

    def different(self) -> dict[str, str]:
        """{relation: what differs} of all that Spark built."""
        assert self.spark.returncode == 0, self.spark.stdout + self.spark.stderr
        return differences(self.duckdb.warehouse / "build.duckdb", self.warehouse)


@pytest.fixture(scope="module")
def seeds(seeds_build: DbtRun, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    warehouse = tmp_path_factory.mktemp("spark") / "warehouse"
    return Pair(
        seeds_build, build_on_spark(warehouse, "build", *WITHOUT_TESTS), warehouse
    )


def test_tables_of_the_seeds_are_equal(seeds: Pair) -> None:
    assert seeds.different() == {}


def test_every_table_is_compared(seeds: Pair) -> None:
    manifest = json.loads((seeds.duckdb.warehouse / "target/manifest.json").read_text())
    relations = {
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    assert set(relation_files(seeds.warehouse)) == relations


@pytest.fixture(scope="module")
def models(seeds: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models per engine, one trained in each."""
    folder = tmp_path_factory.mktemp("models")
    for target in ("duckdb", "spark"):
        ml("train", target, seeds, "--output", str(folder / target))
    return folder


def ml(command: str, target: str, seeds: Pair, *options: str) -> str:
    """What a command of `python -m ml` prints."""
    warehouse = seeds.warehouse if target == "spark" else seeds.duckdb.warehouse
    return subprocess.run(
        [
            *[sys.executable, "-m", "ml", command],
            *["--target", target, "--warehouse", str(warehouse), *options],
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_models_trained_on_either_engine_s_tables_are_the_same_to_the_byte(
    models: Path,
) -> None:
    written = {
        target: {
            path.relative_to(models / target): path.read_bytes()
            for path in (models / target).rglob("*")
            if path.is_file()
        }
        for target in ("duckdb", "spark")
    }
    assert written["duckdb"]
    assert written["spark"] == written["duckdb"]


def test_a_model_scores_the_tables_of_either_engine_alike(
    seeds: Pair, models: Path
) -> None:
    scores = {
        target: ml("score", target, seeds, "--models", str(models / "duckdb"))
        for target in ("duckdb", "spark")
    }
    assert scores["duckdb"].count("\n") > 100
    assert scores["spark"] == scores["duckdb"]


def odd_rows() -> Iterator[list[str]]:
    """Events that ties, odd text, times, duplicates and clock changes run through."""
    draw = random.Random(11)
    start = datetime(2026, 10, 20)
    names = ["visit", "signup", "buy", "note", "refund", NAME, "ok 😀"]
    forms = [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y/%m/%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S.25+00:00",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M+01:00",
        " %Y-%m-%d",
    ]
    unread = [
        "2026-10-20 ",
        "2026",
        "2026-11",
        "10:30",
        "now",
        "T10:00",
        "soon",
        "infinity",
        "",
        "2026-02-30",
    ]
    values = [
        1,
        1.5,
        2.10,
        True,
        None,
        "",
        'x\n\t"y"\\',
        [1, {"z": None}],
        {"b": 2, "a": 1},
    ]
    for number in range(4400):
        # Whole hours, half of them: events of a user at one instant, and midnights. Some
        # more are in the hours that clocks show twice.
        hour = (
            draw.randrange(32 * 24)
            if draw.random() < 0.95
            else draw.randrange(291, 295)
        )
        at = start + timedelta(hours=hour)
        if draw.random() < 0.5:
            at += timedelta(seconds=draw.randrange(3600))
        user = f"u{int(draw.paretovariate(0.8)) % 60:02}"
        device = f"d{draw.randrange(70):02}"
        properties = {
            key: draw.choice(values)
            for key in draw.sample(["plan", "n", NAME, "z.y"], 2)
        }
        row = [
            "" if draw.random() < 0.3 else f"e{draw.randrange(4200)}",
            user if draw.random() < 0.8 else "",
            device if draw.random() < 0.5 else "",
            f"s{number // 9}" if draw.random() < 0.3 else "",
            draw.choice(names) if draw.random() < 0.99 else "",
            draw.choice(unread)
            if draw.random() < 0.02
            else at.strftime(draw.choice(forms)),
            (
                at + timedelta(seconds=draw.choice([-5, 0, 0, 0, 60, 60, 60, 200_000]))
            ).isoformat(" "),
            json.dumps(properties, ensure_ascii=draw.random() < 0.5),
            draw.choice(["pro", "free", "", "q\"\\'"]),
            str(draw.choice([0, 12, "", 3.25])),
        ]
        yield row
        if draw.random() < 0.05:
            yield row


def write_odd(folder: Path) -> dict[str, Any]:
    """Inputs of every kind of file, and vars that are all but the defaults."""
    folder.mkdir()
    with open(folder / "events.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "event_id",
                "user",
                "anonymous_id",
                "session_id",
                "name",
                "time",
                "received_at",
                "properties",
                "plan",
                'the "n"',
            ]
        )
        writer.writerows(odd_rows())
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select
                    'u' || lpad(cast(i % 55 as varchar), 2, '0') as user_id,
                    case when i % 7 > 0 then
                        timestamptz '2026-10-19 20:00:00-04:00' + i * interval 7 hour
                    end as signed_up_at,
                    case when i >= 55 then
                        timestamp '2026-11-01 04:30:00' + i * interval 1 hour
                    end as valid_from,
                    case when i % 3 > 0 then 'plan ' || i % 3 end as plan,
                    {{'city': case i % 4 when 0 then 'Köln' when 1 then 'O''Fallon' end}}
                        as place,
                    cast(i / 4 as float) as score,
                    cast(i as decimal(9, 2)) as fee,
                    timestamp '2026-01-01' + i * interval 90 second as seen_at,
                    date '2026-01-01' + cast(i as integer) as born_on
                from range(70) rows(i)
            ) to '{folder}/users-1.parquet';
            copy (
                select
                    'u' || i as user_id,
                    timestamptz '2026-10-25 00:00:00+00' as signed_up_at
                from range(55, 58) rows(i)
            ) to '{folder}/users-2.parquet';
            copy (
                select
                    's' || i // 2 as session_id,
                    'u' || lpad(cast(i % 60 as varchar), 2, '0') as user_id,
                    timestamp '2026-10-20' + (i // 2) * interval 1 hour as started_at,
                    case when i % 5 > 0 then
                        timestamp '2026-10-20' + (i % 11 + i // 2 - 1) * interval 1 hour
                    end as ended_at,
                    case when i % 2 = 0 then '{{"device": "x"}}' end as properties
                from range(300) rows(i)
            ) to '{folder}/sessions.parquet'
            """
        )
    (folder / "excluded.csv").write_text(
        "user_id,reason,valid_from\n"
        "u07,bot,\n"
        "u08,staff,2026-11-01 04:30:00\n"
        "u08,staff,2026-11-09\n"
    )
    steps = [
        {"name": NAME, "event": "visit"},
        {"name": "note", "event": "note", "optional": True},
        {
            "name": "buy",
            "event": "buy",
            "where": [{"property": "plan", "op": "is_set"}],
        },
        {"name": "any", "event": None},
    ]
    return {
        "events": str(folder / "events.csv"),
        "event_columns": {
            "user": "user_id",
            "name": "event_name",
            "time": "event_time",
        },
        "users": str(folder / "users-*.parquet"),
        "sessions": str(folder / "sessions.parquet"),
        "excluded_users": str(folder / "excluded.csv"),
        "duplicate_rows": "reject",
        "loaded_until": "2026-11-20 12:00:00",
        "reporting_timezone": "America/Havana",  # whose clocks change at midnight
        "session_timeout_minutes": 90.5,
        "week_start": "sunday",
        "passive_events": ["refund", NAME],
        "segments": ["plan", "born_on", "nobody's".replace("'", "")],
        "activation": {"event": "buy", "count": 2, "within_days": 3},
        "funnels": [
            {
                "name": NAME,
                "window_days": 2,
                "steps": steps,
                "exclusions": [{"event": "refund", "from_step": 1, "to_step": 3}],
                "strictly_increasing": True,
            },
            {
                "name": "strict",
                "order": "strict",
                "window_days": 0.5,
                "steps": [steps[0], steps[2]],
                "count_by": "session",
            },
            {
                "name": "any order",
                "order": "unordered",
                "window_days": None,
                "steps": [
                    {"name": "odd", "event": NAME},
                    {
                        "name": "odd property",
                        "event": None,
                        "where": [
                            {"property": "plan", "op": "icontains", "value": "\\"}
                        ],
                    },
                    steps[2],
                ],
                "count_by": {"property": "n"},
            },
        ],
        "conventions": {
            "tie_rule": "strictly_increasing",
            "attempt_rule": "first",
            "averaging": "mean",
            "window_basis": "elapsed",
        },
        "retention_periods": {"day": 9, "week": 5, "month": 2},
        "retention_brackets": {"day": [[0, 0], [1, 3], [5, 9]], "week": [[1, 2]]},
        "churn": {
            "horizon_days": 5,
            "active_days": 9,
            "min_tenure_days": 2,
            "as_of_every_days": 3,
            "as_of_dates": 6,
        },
        "stickiness_windows": [5, 9],
        "paths": {"max_steps": 4, "top_nodes": 4},
    }


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("odd")
    variables = write_odd(folder / "input")
    build = [
        *WITHOUT_TESTS,
        "path:models/marts/churn/model",
        "path:models/marts/churn/segments",
    ]
    ours = run_dbt(folder / "duckdb", "build", *build, variables=variables)
    assert ours.returncode == 0, ours.output
    warehouse = folder / "spark"
    spark = build_on_spark(warehouse, "build", *build, variables=variables)
    return Pair(ours, spark, warehouse)


def test_tables_of_odd_input_are_equal(odd: Pair) -> None:
    assert odd.different() == {}


def test_odd_input_is_as_odd_as_it_is_meant_to_be(odd: Pair) -> None:
    reasons = {
        reason
        for (reason,) in odd.duckdb.query(
            "select distinct rejection_reason from staging.stg_rejected_rows"
        )
    }
    assert {"duplicate_event_id", "duplicate_row", "unparsable_event_time"} <= reasons
    (rows, ties, twice) = odd.duckdb.query(
        """
        select
            count(*),
            count(*) - count(distinct (user_id, event_time)),
            count(case when event_time >= '2026-11-01 05:00:00'
                and event_time < '2026-11-01 06:00:00' then 1 end)
        from core.fct_events
        """
    )[0]
    assert rows > 2500
    assert ties > 100
    assert twice > 0
