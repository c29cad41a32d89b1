"""The same events give the same marts, however they are stored and wherever dbt runs."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import duckdb
import pytest

from tests.builds import PROJECT, DbtRun, published_file, run_dbt

FILES = 3


def shuffled_files(seed: str, folder: Path) -> str:
    """The rows of a seed in another order and over several files; their glob."""
    with open(PROJECT / "seeds" / f"{seed}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    random.Random(7).shuffle(rows)
    for number in range(FILES):
        with open(folder / f"{seed}-{number}.csv", "w", newline="") as file:
            csv.writer(file).writerows([header, *rows[number::FILES]])
    return f"{folder}/{seed}-*.csv"


@pytest.fixture(scope="module")
def shuffled_build(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """A build of the seeds' rows, shuffled, split, on a machine with another time zone."""
    folder = tmp_path_factory.mktemp("shuffled")
    inputs = ["events", "users", "sessions", "excluded_users"]
    build = run_dbt(
        folder / "warehouse",
        "build",
        "--threads",
        "1",
        variables={name: shuffled_files(name, folder) for name in inputs},
        environment={"TZ": "Asia/Tokyo"},
    )
    assert build.returncode == 0, build.output
    return build


def test_order_files_threads_and_time_zone_of_the_machine_change_no_mart(
    seeds_build: DbtRun, shuffled_build: DbtRun
) -> None:
    with duckdb.connect() as connection:
        for name, build in {"one": seeds_build, "other": shuffled_build}.items():
            file = published_file(build.warehouse)
            connection.execute(f"attach '{file}' as {name} (read_only)")
        tables = [
            table
            for (table,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'one'"
            ).fetchall()
            if table != "build_info"
        ]
        assert len(tables) > 20
        different = [
            table
            for table in tables
            if connection.execute(
                f"""
                select count(*) from (
                    (from one.{table} except all from other.{table})
                    union all
                    (from other.{table} except all from one.{table})
                )
                """
            ).fetchone()
            != (0,)
        ]
    assert different == []
