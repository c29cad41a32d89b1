"""The published files: a DuckDB file of marts per build, and Parquet files by day.

Readers see `current.json`, which names the current file and is replaced atomically. Of
what is published by day, such as events, a day is a file named by its content, written
once and shared by the builds in which the day is the same. What neither the current build
uses nor the one before, for readers about to move on, is removed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plugins.database_file import damage, state

CURRENT = "current.json"
LAST_BUILD = "last_build.json"
EVENTS = "events"
PARQUET_END = b"PAR1"
NEW = ".new"  # what a publish has not finished; a killed one leaves it for the next

# Of each name that is published by day: {day: a hash of its content}.
Days = dict[str, dict[str, str]]


class PublishedFiles:
    """The folder `published` of a warehouse folder."""

    def __init__(self, warehouse: Path, say: Callable[[str], None]) -> None:
        self.warehouse = warehouse
        self.say = say
        self.folder = warehouse / "published"

    def current(self) -> str:
        """The path of the newest whole marts, those of the pointer first, or nothing."""
        pointer = self._pointer()
        named = self._marts(pointer["build"])
        newest_first = sorted(self.folder.glob("*.duckdb"), reverse=True)
        for marts in dict.fromkeys([named, *newest_first]):
            if not marts.exists():
                continue
            is_as_published = marts == named and pointer.get("state") == state(marts)
            found = None if is_as_published else damage(marts)
            if not found:
                return str(marts)
            self.say(f"The published file {marts} is damaged: {found}")
        return ""

    def _pointer(self) -> dict[str, Any]:
        """What the pointer says; where it names no build, a name of none."""
        try:
            pointer = json.loads((self.warehouse / CURRENT).read_text())
            return {**pointer, "build": str(pointer["build"])}
        except FileNotFoundError:
            pass
        except (KeyError, TypeError, ValueError):
            self.say(f"{self.warehouse / CURRENT} is damaged: it names no build.")
        return {"build": ""}

    def begin(self, build: str) -> str:
        """Removes what killed builds left, and gives the path for the new marts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_unfinished()
        return str(self._marts(build)) + NEW

    def missing_days(self, days: Days) -> dict[str, dict[str, str]]:
        """Of each name, the days that have no whole file, and where to write them."""
        missing = {}
        for name, contents in days.items():
            (self.folder / name).mkdir(exist_ok=True)
            missing[name] = {
                day: str(file) + NEW
                for day, file in self._files(name, contents).items()
                if not _ends_as_parquet(file)
            }
        return missing

    def add_days(self, days: Days) -> dict[str, list[str]]:
        """Moves newly written days into place; gives the paths of all days' files."""
        for name, written in self.missing_days(days).items():
            for path in written.values():
                _sync(Path(path))
                os.replace(path, path.removesuffix(NEW))
            _sync(self.folder / name)
        return {
            name: [str(file) for file in self._files(name, contents).values()]
            for name, contents in days.items()
        }

    def finish(self, build: str, days: Days) -> str:
        """Makes the new file the current one; then removes what no kept build uses."""
        marts, previous = self._marts(build), self._pointer()["build"]
        files = {
            name: [file.name for file in self._files(name, contents).values()]
            for name, contents in days.items()
        }
        _write_atomically(self._manifest(build), json.dumps(files))
        _sync(Path(str(marts) + NEW))
        os.replace(str(marts) + NEW, marts)
        pointer = {
            "file": f"{self.folder.name}/{marts.name}",
            "build": build,
            # Whether somebody has written to the file since; see current.
            "state": state(marts),
        }
        _write_atomically(self.warehouse / CURRENT, json.dumps(pointer))
        self._remove_unused({build, previous})
        return str(marts)

    def record_build(self, record: str) -> None:
        """Writes the state of the newest build (JSON) where readers find it.

        A build that ends without saying how (interrupted, no space left) is recorded as
        failed when the process ends, and its unfinished files are removed.
        """
        if json.loads(record)["status"] == "running":
            # Before it is written, lest Ctrl-C come between. What is registered last is
            # called first: Ctrl-C that is pressed again must not cut short the other.
            atexit.register(self._end_build, record, os.getpid())
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
        _write_atomically(self.warehouse / LAST_BUILD, record)

    def _end_build(self, record: str, process: int) -> None:
        path = self.warehouse / LAST_BUILD
        with contextlib.suppress(OSError):
            if os.getpid() != process or path.read_text() != record:
                return
            self._remove_unfinished()
            failed = {"status": "failed", "failed": ["publish"], "failed_count": 1}
            _write_atomically(path, json.dumps(json.loads(record) | failed))

    def _remove_unfinished(self) -> None:
        for folder in (self.warehouse, self.folder, *self._folders_of_days()):
            for leftover in folder.glob(f"*{NEW}*"):
                _remove(leftover)

    def _remove_unused(self, kept: set[str]) -> None:
        used: set[Path] = set()
        for path in self.folder.iterdir():
            if path.is_file() and path.stem not in kept:
                _remove(path)
            elif path.suffix == ".json":
                used.update(self._named(json.loads(path.read_text())))
        for folder in self._folders_of_days():
            for path in folder.glob("*.parquet"):
                if path not in used:
                    _remove(path)

    def _named(self, manifest: dict[str, Any]) -> Iterator[Path]:
        """The files of days that a manifest names."""
        for name, files in manifest.items():
            if isinstance(files, list):
                yield from (self.folder / name / file for file in files)
            else:
                # Once it was {day: content}, of events alone, and a day several files.
                yield from (self.folder / EVENTS).glob(f"{name}-{files}*.parquet")

    def _folders_of_days(self) -> list[Path]:
        return [path for path in self.folder.glob("*") if path.is_dir()]

    def _files(self, name: str, contents: dict[str, str]) -> dict[str, Path]:
        """The file of each day, whether it is there or not."""
        return {
            day: self.folder / name / f"{day}-{content}.parquet"
            for day, content in contents.items()
        }

    def _marts(self, build: str) -> Path:
        return self.folder / f"{build}.duckdb"

    def _manifest(self, build: str) -> Path:
        """Names the files of days that belong to a build: {name: [file]}."""
        return self.folder / f"{build}.json"


def _ends_as_parquet(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            file.seek(-len(PARQUET_END), os.SEEK_END)
            return file.read() == PARQUET_END
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}{NEW}")
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
