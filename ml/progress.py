"""How far a long computation has come, for whoever watches; by default nobody does."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Item = TypeVar("Item")
# Takes a label and a collection, gives the same items one by one.
Watcher = Callable[[str, Collection[Any]], Iterable[Any]]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def steps(label: str, items: Collection[Item]) -> Iterable[Item]:
    """The items, one by one; a watcher sees under `label` how many are done."""
    watcher = _watcher.get()
    return items if watcher is None else watcher(label, items)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within it `steps` go through `watcher`."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
