"""The published files: a DuckDB file of marts per build, Parquet files of events a day.

Readers see `current.json`, which names the current file and is replaced atomically. A
day of events is a file named by its content, written once and shared by the builds in
which the day is the same. What neither the current build uses nor the one before, for
readers about to move on, is removed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plugins.database_file import damage, state

CURRENT = "current.json"
LAST_BUILD = "last_build.json"
PARQUET_END = b"PAR1"
NEW = ".new"  # what a publish has not finished; a killed one leaves it for the next


class PublishedFiles:
    """The folder `published` of a warehouse folder."""

    def __init__(self, warehouse: Path, say: Callable[[str], None]) -> None:
        self.warehouse = warehouse
        self.say = say
        self.folder = warehouse / "published"
        self.events = self.folder / "events"

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
        self.events.mkdir(parents=True, exist_ok=True)
        self._remove_unfinished()
        return str(self._marts(build)) + NEW

    def missing_days(self, days: dict[str, str]) -> list[str]:
        """The days (of {day: content hash}) that have no file yet."""
        return [day for day, content in days.items() if not self._day(day, content)]

    def events_folder(self) -> str:
        """Where new days are to be written, partitioned by event_date."""
        return str(self.events / f"days{NEW}")

    def add_days(self, days: dict[str, str]) -> list[str]:
        """Moves newly written days into place; gives the paths of all days' files."""
        for day in self.missing_days(days):
            name = f"{day}-{days[day]}"
            for leftover in self.events.glob(f"{name}-*.parquet"):
                _remove(leftover)
            written = sorted(
                (self.events / f"days{NEW}" / f"event_date={day}").glob("*.parquet")
            )
            # The first file goes last: a day that has it has all of its files.
            for number, path in reversed([*enumerate(written)]):
                _sync(path)
                suffix = f"-{number}" if number else ""
                os.replace(path, self.events / f"{name}{suffix}.parquet")
        _sync(self.events)
        _remove(self.events / f"days{NEW}")
        return [
            str(path)
            for day, content in days.items()
            for path in self._day(day, content)
        ]

    def finish(self, build: str, days: dict[str, str]) -> str:
        """Makes the new file the current one; then removes what no kept build uses."""
        marts, previous = self._marts(build), self._pointer()["build"]
        _write_atomically(self._manifest(build), json.dumps(days))
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
        for folder in (self.warehouse, self.folder, self.events):
            for leftover in folder.glob(f"*{NEW}*"):
                _remove(leftover)

    def _remove_unused(self, kept: set[str]) -> None:
        used: set[Path] = set()
        for manifest in self.folder.glob("*.json"):
            if manifest.stem in kept:
                for day, content in json.loads(manifest.read_text()).items():
                    used.update(self._day(day, content))
        for path in self.folder.iterdir():
            if path.is_file() and path.stem not in kept:
                _remove(path)
        for path in self.events.glob("*.parquet"):
            if path not in used:
                _remove(path)

    def _marts(self, build: str) -> Path:
        return self.folder / f"{build}.duckdb"

    def _manifest(self, build: str) -> Path:
        return self.folder / f"{build}.json"

    def _day(self, day: str, content: str) -> list[Path]:
        """The files of a day; none where the first of them is missing or cut short."""
        first = self.events / f"{day}-{content}.parquet"
        if not _ends_as_parquet(first):
            return []
        return [first, *sorted(self.events.glob(f"{day}-{content}-*.parquet"))]


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
