"""dbt-duckdb plugin: the files around the database that dbt writes.

It makes the folder, says who holds a locked database, sets a damaged one aside, and
offers as SQL functions what macros need of the file system: input_problem for inputs,
churn_model_problem for a trained model, publish* for publishing.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger
from dbt_common.exceptions import DbtRuntimeError

from plugins.code_hash import code_hash
from plugins.database_file import BuildFile
from plugins.input_files import input_problem
from plugins.published_files import PublishedFiles
from plugins.remembered_results import forget_on_full_refresh

logger = AdapterLogger("warehouse")


class Plugin(BasePlugin):
    """Prepares the folder of the database and registers the functions."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        # dbt's own log would print a stack per line that a full disk has no space for.
        logging.raiseExceptions = False
        database = Path(self.creds.path).resolve()
        _prepare_folder(database.parent)
        forget_on_full_refresh(database.parent)
        _require_memory_limit((self.creds.settings or {}).get("memory_limit"))
        self.build_file = BuildFile(database, logger.warning)
        self.build_file.prepare()
        self.published = PublishedFiles(database.parent, logger.warning)

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
            "break_seal": lambda _: self.build_file.break_seal(),
            "seal_at_end": lambda _: self.build_file.seal_at_end(),
            "code_hash": code_hash,
            "input_problem": input_problem,
            "churn_model_problem": churn_model_problem,
            "published_current": lambda _: published.current(),
            "publish_begin": published.begin,
            "publish_missing_days": lambda days: json.dumps(
                published.missing_days(json.loads(days))
            ),
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
