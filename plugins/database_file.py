"""A DuckDB file: whether it is free, and whether it is whole.

DuckDB keeps a checksum of each block, and so says what is damaged, but only of what is
read. The build file is read as a whole where something may have happened to it: after a
build that was killed or failed with an error, or where its size or time is not that of
the seal, which the last command that ended well has left beside it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt_common.exceptions import DbtRuntimeError

DAMAGE = re.compile(
    "not a valid DuckDB database file|Could not read|corrupt|checksum", re.IGNORECASE
)


def state(database: Path) -> dict[str, int]:
    """What of a file changes whenever it is written."""
    status = database.stat()
    return {"size": status.st_size, "modified_ns": status.st_mtime_ns}


def damage(database: Path) -> str | None:
    """What keeps a file from being read to its last row, or None.

    Raises:
        duckdb.Error: it is not known, for another reason, such as a lock.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            for (table,) in connection.execute(
                'select format(\'"{}"."{}"\', schema_name, table_name) '
                "from duckdb_tables()"
            ).fetchall():
                connection.execute(
                    f"select bit_xor(hash(kept)) from {table} as kept"
                ).fetchall()
    except duckdb.Error as error:
        if DAMAGE.search(str(error)):
            return _reason(error)
        raise
    return None


class BuildFile:
    """The file that builds write."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = path
        self.say = say
        self.seal = path.with_name(f"{path.name}.seal")

    def prepare(self) -> None:
        """Sets a damaged file aside, so that the build makes everything anew.

        Raises:
            DbtRuntimeError: the file is in use, or cannot be opened.
        """
        if not self.path.exists():
            return
        try:
            # DuckDB first finishes what a killed build had written to its log.
            duckdb.connect(str(self.path)).close()
            found = None if self._is_sealed() else damage(self.path)
        except duckdb.Error as error:
            found = _reason(error) if DAMAGE.search(str(error)) else None
            if not found:
                raise DbtRuntimeError(_open_problem(self.path, error)) from None
        if found:
            self._set_aside(found)

    def break_seal(self) -> None:
        """Called when a command begins to write."""
        self.seal.unlink(missing_ok=True)

    def seal_at_end(self) -> None:
        """Called when a command has met no error; it seals once the file is closed."""
        atexit.register(self._close_and_seal)

    def _close_and_seal(self) -> None:
        DuckDBConnectionManager.close_all_connections()
        with contextlib.suppress(OSError):
            self.seal_file()

    def seal_file(self) -> None:
        """Notes that the file, now closed, is as a command has left it."""
        self.seal.write_text(json.dumps(state(self.path)))

    def _is_sealed(self) -> bool:
        try:
            return json.loads(self.seal.read_text()) == state(self.path)
        except (OSError, ValueError):
            return False

    def _set_aside(self, found: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged")
        log = self.path.with_name(f"{self.path.name}.wal")
        log.unlink(missing_ok=True)
        self.break_seal()
        os.replace(self.path, aside)
        self.say(
            f"The warehouse {self.path} is damaged: {found} It was set aside as "
            f"{aside.name} and all is made anew; what is published stays as it is "
            "until this build has passed."
        )


def _reason(error: duckdb.Error) -> str:
    return str(error).split("\n", 1)[0].strip().rstrip(".!") + "."


def _open_problem(database: Path, error: duckdb.Error) -> str:
    holder = re.search(r"lock is held in (.*? \(PID \d+\))", str(error))
    if holder:
        return (
            f"The warehouse {database} is in use by {holder[1]}: another build is "
            "running, or a client has the file open. Nothing was changed. Wait for it "
            "or close it; to look at numbers meanwhile, open the published file, which "
            "is never locked."
        )
    return (
        f"The warehouse {database} cannot be opened: {_reason(error)} It holds nothing "
        "that a build does not make: removed, it is made anew; what is published stays "
        "as it is."
    )
