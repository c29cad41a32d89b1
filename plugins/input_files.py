"""Says in a sentence why files given as input cannot be read."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

import duckdb

READERS = {
    ".parquet": "select * from read_parquet(?) limit 1",
    ".csv": "select * from read_csv(?, header = true, all_varchar = true) limit 1",
    ".tsv": "select * from read_csv(?, header = true, all_varchar = true) limit 1",
    ".jsonl": "select * from read_json(?, format = 'newline_delimited') limit 1",
    ".ndjson": "select * from read_json(?, format = 'newline_delimited') limit 1",
    ".json": "select * from read_json(?, format = 'newline_delimited') limit 1",
}
COMPRESSED = (".gz", ".zst")
# Which reader a path gets: the first of these that it contains. The rest is JSON lines.
KINDS = {"Parquet": (".parquet",), "CSV": (".csv", ".tsv"), "JSON lines": ()}


def input_problem(pattern: str) -> str | None:
    """What keeps the files of a path or glob from being read, or None.

    Every file is opened, so that one bad file among many is named.
    """
    paths = sorted(glob.glob(os.path.expanduser(pattern), recursive=True))
    if not paths:
        return (
            f"'{pattern}' matches no file (looked in {os.getcwd()}). Give the path or "
            "glob of existing Parquet, CSV or JSON lines files."
        )
    with duckdb.connect() as connection:
        for path in paths:
            problem = _file_problem(connection, path) or _kind_problem(pattern, path)
            if problem:
                return problem
    return None


def _file_problem(connection: duckdb.DuckDBPyConnection, path: str) -> str | None:
    if os.path.isdir(path):
        example = os.path.join(path, "*.parquet")
        return f"'{path}' is a folder. Give a glob of its files, such as '{example}'."
    ending = _ending(path)
    if ending not in READERS:
        return (
            f"'{path}' ends in '{ending}'. Allowed endings are {', '.join(READERS)}, "
            "and for text files also .gz or .zst behind them."
        )
    if os.path.getsize(path) == 0:
        return f"'{path}' is empty: not even a header."
    if ending in (".csv", ".tsv") and _looks_binary(path):
        return f"'{path}' ends in '{ending}' but holds binary data, not text."
    try:
        connection.execute(READERS[ending], [path]).fetchall()
    except duckdb.Error as error:
        return (
            f"'{path}' cannot be read as the {ending} file its ending says"
            f"{' (one JSON object a line)' if 'json' in ending else ''}: "
            f"{_reason(error)}"
        )
    return None


def _reason(error: duckdb.Error) -> str:
    """What an error says before it goes on to options of the reader."""
    text = re.split(r"\n\s*\n|\nPossible|\nTry|\. Try", str(error), maxsplit=1)[0]
    return " ".join(text.split())


def _kind_problem(pattern: str, path: str) -> str | None:
    """Whether the one reader that the pattern gets is not that of the file."""
    wanted, found = _kind(pattern), _kind(_ending(path))
    if wanted == found:
        return None
    return (
        f"'{pattern}' would be read as {wanted}, but '{path}' is {found}. Give a glob "
        "that ends in one kind, such as '*.parquet'."
    )


def _kind(text: str) -> str:
    for kind, endings in KINDS.items():
        if any(ending in text for ending in endings):
            return kind
    return kind


def _ending(path: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if len(suffixes) > 1 and suffixes[-1] in COMPRESSED:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _looks_binary(path: str) -> bool:
    if path.lower().endswith(COMPRESSED):
        return False
    with open(path, "rb") as file:
        return b"\0" in file.read(4096)
