"""A bar on standard error, redrawn in place on a terminal and silent elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
WIDTH = 30


def progress(items: Sequence[Item], title: str) -> Iterator[Item]:
    """Gives the items, and shows how many are done and for how long it has run."""
    started = time.monotonic()
    for done, item in enumerate(items):
        _draw(title, done, len(items), started, str(item))
        yield item
    _draw(title, len(items), len(items), started, "")
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def _draw(title: str, done: int, whole: int, started: float, at: str) -> None:
    seconds = time.monotonic() - started
    if sys.stderr.isatty():
        filled = WIDTH * done // max(whole, 1)
        bar = "#" * filled + "." * (WIDTH - filled)
        sys.stderr.write(f"\r\033[K{title} [{bar}] {done}/{whole} {seconds:.0f} s {at}")
        sys.stderr.flush()
