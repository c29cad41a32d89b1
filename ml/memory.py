"""What was computed from the same rows is kept, and no later build computes it again.

A file per result, named by a hash of all that the result depends on: the function, its
arguments with the content of their rows, the code of this package, and the versions of
Python and of the libraries. Reading one executes nothing, see `ml.plain`; one that cannot
be read, or is another's, counts as not there.
"""

import hashlib
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
from duckdb import DuckDBPyRelation

from ml import artefact, frames, plain
from ml.churn import Model
from ml.features import Column
from ml.segments import Found, Groups, Shares

# The named tuples among the results.
SHAPES = (Model, Column, Found, Groups, Shares)
# Of each function; those that no build has used for longest go.
MOST_KEPT = 5
PACKAGE = Path(__file__).parent


def remembered(
    folder: str | Path, function: Callable[..., Any], *arguments: Any, **options: Any
) -> Any:
    """`function(*arguments, **options)`, from `folder` where it is kept there.

    The function is one of this package whose result, a DataFrame or named tuples of
    SHAPES, depends on its arguments alone. These are numbers, texts, dates, tuples of
    them, and relations, which the function is given as DataFrames, and whose order of
    rows must not matter; they are read only where nothing is kept. Another function or
    argument raises TypeError.
    """
    key = _key(function, arguments, options)
    path = Path(folder) / f"{function.__name__}-{key[:32]}.skops"
    # Another thread may be about to compute the same.
    with frames.one_thread():
        found = _read(path, key)
        if found is None:
            found = function(*map(_frame, arguments), **options)
            _write(path, {"key": key, "result": found})
        return found


def content_of(rows: DuckDBPyRelation) -> tuple[Any, ...]:
    """Columns, types, number and a hash of the rows of a relation, in any order."""
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    # Hashed twice, as the hash of a row is but an xor in its last column.
    ((count, total),) = rows.aggregate(
        f"count(*), sum(hash(hash({columns})))"
    ).fetchall()
    return rows.columns, [str(kind) for kind in rows.types], count, total


def _key(
    function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]
) -> str:
    if not function.__module__.startswith("ml."):
        raise TypeError(
            f"given {function.__module__}.{function.__qualname__}; allowed are functions "
            "of ml, whose code is known."
        )
    facts = [
        _versions(),
        f"{function.__module__}.{function.__qualname__}",
        [_told(argument) for argument in arguments],
        {name: _told(options[name]) for name in sorted(options)},
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@cache
def _versions() -> list[Any]:
    """What computes: the code of this package, the libraries, DuckDB's hash."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.glob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    libraries = artefact.installed_versions()
    return [digest.hexdigest(), libraries, installed_version("duckdb")]


def _told(argument: Any) -> str:
    if isinstance(argument, DuckDBPyRelation):
        return repr(content_of(argument))
    if isinstance(argument, tuple):
        return repr([_told(item) for item in argument])
    if argument is None or isinstance(argument, str | int | float | np.datetime64):
        return repr(argument)
    raise TypeError(
        f"given a {type(argument).__name__}; allowed are numbers, texts, dates, tuples "
        "of these, and relations."
    )


def _frame(argument: Any) -> Any:
    return argument.df() if isinstance(argument, DuckDBPyRelation) else argument


def _read(path: Path, key: str) -> Any:
    """The result in a file, None where there is none."""
    try:
        kept = plain.loaded(path.read_bytes(), SHAPES)
        if kept["key"] != key:
            raise plain.UnreadableError("it is the result of something else")
        os.utime(path)  # it was used
        return kept["result"]
    except FileNotFoundError:
        return None
    except (plain.UnreadableError, OSError, LookupError, TypeError) as error:
        _warn(f"{path} cannot be used and is made anew: {error}")
        return None


def _write(path: Path, kept: dict[str, Any]) -> None:
    """Keep a result, all or nothing, and remove what was used longest ago."""
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(plain.dumped(kept))
        os.replace(unfinished, path)
        name = path.name.rpartition("-")[0]
        files = sorted(path.parent.glob(f"{name}-*.skops"), key=_last_used)
        # Killed builds leave unfinished ones.
        for file in [*files[:-MOST_KEPT], *path.parent.glob("*.unfinished")]:
            file.unlink(missing_ok=True)
    except OSError as error:
        # The result is there; the next build computes it again.
        _warn(f"{path} could not be kept: {error}")


def _last_used(path: Path) -> float:
    return path.stat().st_mtime


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)
