"""dbt-duckdb plugin: the files around the database that dbt writes.

It makes the folder, says who holds a locked database, and offers as SQL functions what
macros need of the file system: input_problem for inputs, churn_model_problem for a
trained model, publish* for publishing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from plugins.code_hash import code_hash
from plugins.input_files import input_problem
from plugins.published_files import PublishedFiles


class Plugin(BasePlugin):
    """Prepares the folder of the database and registers the functions."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        database = Path(self.creds.path).resolve()
        _prepare_folder(database.parent)
        _require_free(database)
        _require_memory_limit((self.creds.settings or {}).get("memory_limit"))
        self.published = PublishedFiles(database.parent)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        for name, function in self._functions().items():
            conn.create_function(
                name,
                function,
                [duckdb.sqltypes.VARCHAR],
                duckdb.sqltypes.VARCHAR,
                side_effects=True,
                null_handling="special",
            )

    def _functions(self) -> dict[str, Callable[[str], str | None]]:
        """SQL functions of one text argument (JSON for several) that give a text."""
        published = self.published
        models = published.warehouse / "models" / "churn"

        def finish(arguments: str) -> str:
            given = json.loads(arguments)
            return published.finish(given["build"], given["days"])

        def churn_model_problem(arguments: str) -> str | None:
            # Loading scikit-learn takes a second, which most commands can spare.
            from ml.artefact import problem

            return problem(models, **json.loads(arguments))

        return {
            "code_hash": code_hash,
            "input_problem": input_problem,
            "churn_model_problem": churn_model_problem,
            "published_current": lambda _: published.current(),
            "publish_begin": published.begin,
            "publish_missing_days": lambda days: json.dumps(
                published.missing_days(json.loads(days))
            ),
            "publish_events_folder": lambda _: published.events_folder(),
            "publish_add_days": lambda days: json.dumps(
                published.add_days(json.loads(days))
            ),
            "publish_finish": finish,
            "publish_record": published.record_build,
        }


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DbtRuntimeError(_unwritable(folder, error.strerror)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DbtRuntimeError(_unwritable(folder, "no permission"))


def _require_memory_limit(given: str | None) -> None:
    """Raises a sentence where DuckDB would stop every query with a stack."""
    if given is None:
        return
    try:
        with duckdb.connect() as connection:
            connection.execute(f"set memory_limit = '{given.replace(chr(39), '')}'")
            connection.execute("select 1").fetchall()
    except duckdb.Error:
        raise DbtRuntimeError(
            f"WAREHOUSE_MEMORY_LIMIT: got '{given}', allowed are a size such as 8GB or "
            "a share of the machine's memory such as 80%."
        ) from None


def _unwritable(folder: Path, reason: str | None) -> str:
    return (
        f"The warehouse folder {folder} cannot be written ({reason}). Give another one "
        "by the environment variable WAREHOUSE_DIR, or make this one writable."
    )


def _require_free(database: Path) -> None:
    """Raises a sentence, not a stack, where the database cannot be opened."""
    if not database.exists():
        return
    try:
        duckdb.connect(str(database)).close()
    except duckdb.Error as error:
        raise DbtRuntimeError(_open_problem(database, str(error))) from None


def _open_problem(database: Path, error: str) -> str:
    holder = re.search(r"lock is held in (.*? \(PID \d+\))", error)
    if holder:
        return (
            f"The warehouse {database} is in use by {holder[1]}: another build is "
            "running, or a client has the file open. Nothing was changed. Wait for it "
            "or close it; to look at numbers meanwhile, open the published file, which "
            "is never locked."
        )
    reason = error.split("\n", 1)[0]
    return (
        f"The warehouse {database} cannot be opened: {reason} If it is damaged, remove "
        "it and build again: it holds nothing that a build does not make; what is "
        "published stays as it is."
    )
