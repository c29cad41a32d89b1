"""dbt as a user would run it, in a process and a warehouse folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

PROJECT = Path(__file__).resolve().parents[1]
NO_SEEDS = {"users": "none", "sessions": "none", "excluded_users": "none"}


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


def published_state(warehouse: Path) -> dict[str, bytes]:
    """Every published byte, and the pointer to the current file."""
    paths = [warehouse / "current.json", *(warehouse / "published").rglob("*")]
    return {
        str(path.relative_to(warehouse)): path.read_bytes()
        for path in paths
        if path.is_file()
    }


def run_dbt(
    warehouse: Path,
    *arguments: str,
    variables: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    project: Path = PROJECT,
) -> DbtRun:
    """Runs `dbt <arguments>` on a warehouse folder, with --vars where given."""
    done = subprocess.run(
        _command(arguments, variables),
        cwd=project,
        env=environment_of(warehouse) | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    return DbtRun(done.returncode, done.stdout + done.stderr, warehouse)


def start_dbt(
    warehouse: Path,
    *arguments: str,
    variables: dict[str, Any] | None = None,
    project: Path = PROJECT,
    output: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `dbt <arguments>` in a process group of its own, and goes on.

    It heeds Ctrl-C also where this process does not, such as one that a shell has put
    into the background.
    """
    with open(output or os.devnull, "wb") as file:
        return subprocess.Popen(
            _command(arguments, variables),
            cwd=project,
            env=environment_of(warehouse),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def _command(arguments: tuple[str, ...], variables: dict[str, Any] | None) -> list[str]:
    given = [] if variables is None else ["--vars", json.dumps(variables)]
    return [str(Path(sys.executable).with_name("dbt")), *arguments, *given]


def environment_of(warehouse: Path) -> dict[str, str]:
    """The environment of a dbt command on a warehouse folder of its own."""
    return {
        **os.environ,
        "WAREHOUSE_DIR": str(warehouse),
        "DBT_TARGET_PATH": str(warehouse / "target"),
        "DBT_LOG_PATH": str(warehouse / "logs"),
        "DBT_USE_COLORS": "false",
    }


def differences(kept: Path, made: Path) -> dict[str, tuple[list, list]]:
    """Per table, the rows that only one of two warehouses' build files has."""
    found = {}
    with duckdb.connect() as connection:
        for name, warehouse in (("kept", kept), ("made", made)):
            connection.execute(
                f"attach '{warehouse / 'build.duckdb'}' as {name} (read_only)"
            )
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = 'made' "
            "and schema_name in ('staging', 'core', 'marts') "
            "and table_name <> 'build_info' order by all"
        ).fetchall()
        assert len(tables) > 10
        for (table,) in tables:
            one, other = (
                connection.execute(
                    f"from {a}.{table} except all from {b}.{table} limit 5"
                ).fetchall()
                for a, b in (("kept", "made"), ("made", "kept"))
            )
            if one or other:
                found[table] = (one, other)
    return found
