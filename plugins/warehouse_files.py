"""dbt-duckdb plugin: the warehouse's files around the database that dbt writes.

It makes the folder, says who holds a locked database, and offers SQL functions by which
macros/publish.sql switches the published file in one atomic step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from plugins.input_files import input_problem

CURRENT = "current.json"
LAST_BUILD = "last_build.json"
PUBLISHED = "published"
KEPT_FILES = 2  # the current one, and the one before it for readers about to move on


class Plugin(BasePlugin):
    """Prepares the folder of the database and registers the functions below."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self.database = Path(self.creds.path).resolve()
        self.folder = self.database.parent
        _prepare_folder(self.folder)
        _require_free(self.database)

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        text = duckdb.sqltypes.VARCHAR
        functions = {
            "input_problem": (input_problem, [text]),
            "begin_publish": (self.begin_publish, [text]),
            "end_publish": (self.end_publish, [text]),
            "record_build": (self.record_build, [text]),
        }
        for name, (function, parameters) in functions.items():
            conn.create_function(
                name,
                function,
                parameters,
                text,
                side_effects=True,
                null_handling="special",
            )

    def begin_publish(self, build: str) -> str:
        """Path of the new published file, not there yet, with room left for it.

        What a killed build left behind is removed first.
        """
        folder = self.folder / PUBLISHED
        folder.mkdir(exist_ok=True)
        for leftover in folder.glob("*.new*"):
            leftover.unlink()
        free = shutil.disk_usage(folder).free
        if free < 1 << 20:
            raise OSError(f"no space left to publish in {folder}: {free} bytes free")
        return str(folder / f"{build}.duckdb.new")

    def end_publish(self, build: str) -> str:
        """Makes the finished file the current one, then removes those before the last."""
        folder = self.folder / PUBLISHED
        new, final = folder / f"{build}.duckdb.new", folder / f"{build}.duckdb"
        _sync(new)
        os.replace(new, final)
        pointer = {"file": f"{PUBLISHED}/{final.name}", "build": build}
        _write_atomically(self.folder / CURRENT, json.dumps(pointer))
        files = sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime_ns)
        for old in files[:-KEPT_FILES]:
            if old != final:
                old.unlink()
        return str(final)

    def record_build(self, record: str) -> str:
        """Writes the state of the newest build (JSON) where readers find it."""
        _write_atomically(self.folder / LAST_BUILD, record)
        return record


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DbtRuntimeError(_unwritable(folder, error.strerror)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DbtRuntimeError(_unwritable(folder, "no permission"))


def _unwritable(folder: Path, reason: str | None) -> str:
    return (
        f"The warehouse folder {folder} cannot be written ({reason}). Give another one by "
        "the environment variable WAREHOUSE_DIR, or make this one writable."
    )


def _require_free(database: Path) -> None:
    """Raises a sentence, not a stack, where the database cannot be opened for writing."""
    if not database.exists():
        return
    try:
        duckdb.connect(str(database)).close()
    except duckdb.IOException as error:
        raise DbtRuntimeError(_open_problem(database, str(error))) from None


def _open_problem(database: Path, error: str) -> str:
    holder = re.search(r"lock is held in (.*? \(PID \d+\))", error)
    if holder:
        return (
            f"The warehouse {database} is in use by {holder[1]}: another build is running, "
            "or a client has the file open. Nothing was changed. Wait for it or close it; "
            "to look at numbers meanwhile, open the published file, which is never locked."
        )
    reason = error.split("\n", 1)[0]
    return (
        f"The warehouse {database} cannot be opened: {reason} If it is damaged, remove it "
        "and build again: it holds nothing that a build does not make; the published file "
        "stays as it is."
    )


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
