"""Runs dbt as a user would, in a process and a warehouse folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]
NO_SEEDS = {"users": "none", "sessions": "none", "excluded_users": "none"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--batch-seed",
        default="1",
        help="another order of the batches of test_increments.py",
    )


@dataclass(frozen=True)
class DbtRun:
    """What a dbt command gave: its exit code, all it printed, and where it wrote."""

    returncode: int
    output: str
    warehouse: Path

    def query(self, sql: str, *parameters: Any) -> list[tuple]:
        """Rows of a query on the build database (schemas staging, core, marts)."""
        with duckdb.connect(
            str(self.warehouse / "build.duckdb"), read_only=True
        ) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def published(self, sql: str, *parameters: Any) -> list[tuple]:
        """Rows of a query on the current published file."""
        with duckdb.connect(
            str(published_file(self.warehouse)), read_only=True
        ) as connection:
            return connection.execute(sql, list(parameters)).fetchall()


def published_file(warehouse: Path) -> Path:
    """The file that readers of a warehouse folder see now."""
    return warehouse / json.loads((warehouse / "current.json").read_text())["file"]


def run_dbt(
    warehouse: Path,
    *arguments: str,
    variables: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    project: Path = PROJECT,
) -> DbtRun:
    """Runs `dbt <arguments>` on a warehouse folder, with --vars where given."""
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    if variables is not None:
        command += ["--vars", json.dumps(variables)]
    done = subprocess.run(
        command,
        cwd=project,
        env={
            **os.environ,
            "WAREHOUSE_DIR": str(warehouse),
            "DBT_TARGET_PATH": str(warehouse / "target"),
            "DBT_LOG_PATH": str(warehouse / "logs"),
            "DBT_USE_COLORS": "false",
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return DbtRun(done.returncode, done.stdout + done.stderr, warehouse)


@pytest.fixture
def dbt(tmp_path: Path) -> Callable[..., DbtRun]:
    """`dbt("build", "-s", "...", variables={...})` in a warehouse folder of the test."""

    def run(*arguments: str, **options: Any) -> DbtRun:
        return run_dbt(tmp_path / "warehouse", *arguments, **options)

    return run


@pytest.fixture(scope="session")
def seeds_build(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """One whole build of the seeds, shared: read it, never write to it."""
    warehouse = tmp_path_factory.mktemp("seeds") / "warehouse"
    build = run_dbt(warehouse, "build")
    assert build.returncode == 0, build.output
    return build
