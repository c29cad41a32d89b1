"""Finds the published marts and reads them, without ever standing in a build's way.

Each build publishes a file of its own and then moves a pointer to it, so no path is
ever opened with two contents.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
import pandas as pd
import streamlit as st

CURRENT = "current.json"
LAST_BUILD = "last_build.json"
# Never opened as a database here: its lock says whether a build runs.
BUILD_DATABASE = "build.duckdb"
# Readers may be a publish or two behind; older connections are closed.
OPEN_BUILDS = 3
OPEN_ATTEMPTS = 20
OPEN_PAUSE_SECONDS = 0.1
# Where no lock can be asked, a build that says "running" for longer than this was killed.
LONGEST_BUILD = timedelta(hours=1)

# Before the connection is made, and once it may read the folders of days.
CUT_OFF = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    # Else SQL could read the variables of this process as tables.
    "python_enable_replacements": "false",
}
LOCK = ("set enable_external_access = false", "set lock_configuration = true")


class Build(NamedTuple):
    """A published build: the key of everything that is cached."""

    path: str
    id: str


class NewestBuild(NamedTuple):
    """The build that was started last, published or not."""

    id: str
    state: Literal["published", "running", "failed", "interrupted"]
    started_at: datetime | None
    failed: tuple[str, ...]
    failed_count: int


class NoWarehouseError(Exception):
    """Nothing was published yet."""


class UnreadableWarehouseError(Exception):
    """A published file is named but cannot be opened."""


class OtherVersionError(Exception):
    """The published file lacks a table or column that a page asks for."""


def folder() -> Path:
    """Where builds put their files: WAREHOUSE_DIR, by default ./warehouse."""
    return Path(os.environ.get("WAREHOUSE_DIR") or "warehouse").resolve()


def current_build() -> Build:
    """The build that readers see now, opened.

    A publish may remove the file between reading the pointer and opening it; then the
    pointer has moved on, and is read again.

    Raises:
        NoWarehouseError: no build was published.
        UnreadableWarehouseError: the file cannot be opened, or never appears.
    """
    for _ in range(OPEN_ATTEMPTS):
        build = _pointer()
        try:
            connection(build)
        except duckdb.Error as error:
            if Path(build.path).exists() and _pointer() == build:
                raise UnreadableWarehouseError(str(error)) from error
            time.sleep(OPEN_PAUSE_SECONDS)
        else:
            return build
    raise UnreadableWarehouseError(
        f"{build.path} is named in {CURRENT}, but is not there."
    )


def newest_build() -> NewestBuild | None:
    """The state of the build that was started last; None where none was recorded."""
    record = _read_json(folder() / LAST_BUILD)
    if record is None:
        return None
    started_at = _timestamp(record.get("started_at"))
    return NewestBuild(
        id=str(record.get("build", "")),
        state=_state(record, started_at),
        started_at=started_at,
        failed=tuple(str(name) for name in record.get("failed") or ()),
        failed_count=int(record.get("failed_count") or 0),
    )


def state() -> tuple[str, str, str]:
    """Changes whenever a page should be drawn anew: a publish, or a build's state."""
    pointer = _read_json(folder() / CURRENT) or {}
    newest = newest_build()
    if newest is None:
        return str(pointer.get("build", "")), "", ""
    return str(pointer.get("build", "")), newest.id, newest.state


def query(build: Build, sql: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of one query over the published file; values are bound, never formatted in.

    Raises:
        OtherVersionError: a table, column or function is not in the published file.
    """
    try:
        with cursor(build) as opened:
            return opened.execute(sql, dict(parameters)).df()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise OtherVersionError(str(error)) from error


def _close(opened: duckdb.DuckDBPyConnection) -> None:
    opened.close()


@st.cache_resource(show_spinner=False, max_entries=OPEN_BUILDS, on_release=_close)
def connection(build: Build) -> duckdb.DuckDBPyConnection:
    """The connection to a build for our own queries: read-only, and cut off from files.

    Of these it reads what is published by day, such as events, in folders beside the
    published file. What may be read may be written, too (`with x as (copy ... to ...)
    select 1`), so a text that a user typed never runs here.
    """
    opened = duckdb.connect(build.path, read_only=True, config=CUT_OFF)
    folders = [
        f"{path}/" for path in Path(build.path).parent.iterdir() if path.is_dir()
    ]
    opened.execute("set allowed_directories = $1::varchar[]", [folders])
    for statement in LOCK:
        opened.execute(statement)
    return opened


def cursor(build: Build) -> duckdb.DuckDBPyConnection:
    """A cursor of its own on the connection to a build."""
    try:
        return connection(build).cursor()
    except duckdb.ConnectionException:
        # Released by another session between the look-up and the cursor.
        connection.clear(build)
        return connection(build).cursor()


def _pointer() -> Build:
    pointer = _read_json(folder() / CURRENT)
    if pointer is None:
        raise NoWarehouseError(f"There is no {CURRENT} in {folder()}.")
    try:
        return Build(str(folder() / pointer["file"]), str(pointer["build"]))
    except KeyError as error:
        raise UnreadableWarehouseError(f"{CURRENT} does not name {error}.") from error


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableWarehouseError(
            f"{path.name} cannot be read: {error}"
        ) from error


def _timestamp(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _state(
    record: Mapping[str, Any], started_at: datetime | None
) -> Literal["published", "running", "failed", "interrupted"]:
    published = str((_read_json(folder() / CURRENT) or {}).get("build", ""))
    build, status = str(record.get("build", "")), record.get("status")
    # Build ids begin with their time. A build killed after it moved the pointer, but
    # before it said so, did publish.
    if status == "published" or build == published:
        return "published"
    if build < published:
        return "interrupted" if status == "running" else "published"
    if status == "failed":
        return "failed"
    is_running = _is_written_to(folder() / BUILD_DATABASE)
    if is_running is None:
        age = datetime.now(UTC) - started_at if started_at else None
        is_running = age is not None and age <= LONGEST_BUILD
    return "running" if is_running else "interrupted"


def _is_written_to(database: Path) -> bool | None:
    """Whether a process has a DuckDB file open to write; None where this is not told.

    It asks for the lock that DuckDB takes, and takes none.
    """
    if sys.platform != "linux":
        return None
    import fcntl

    layout = "hhlli"
    reading = struct.pack(layout, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with database.open("rb") as file:
            in_its_way = fcntl.fcntl(file, fcntl.F_GETLK, reading)
    except OSError:
        return None
    return struct.unpack(layout, in_its_way)[0] != fcntl.F_UNLCK
