"""The process that runs SQL which a user typed; it ends with the query.

Started by dashboard.ask.process with nothing in its environment. SQL can open no file but
the published one, read-only, and write none. Marts that are published by day are Parquet
files beside it; SQL gets them as tables of Arrow, for where DuckDB may read files it may
write them, too. Memory, time and answer are limited by DuckDB, and by the operating system
in case that fails. On standard input it takes a
request as JSON, on standard output it gives the rows as an Arrow stream; on standard
error, with exit code 2, the sentence for the user.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

# The file is run by its path, in Python's isolated mode.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import duckdb
import pyarrow as pa

from dashboard.ask import rules

REFUSED = 2
EVENTS = "events"
MEGABYTE = 1024**2
# Address space is more than what is used of it; it stops what DuckDB's limit does not.
ADDRESS_SPACE_FACTOR = 8


def main() -> None:
    request = json.load(sys.stdin)
    limit_process(request["memory_mb"], request["seconds"])
    try:
        rows = run(request)
    except MemoryError:
        refuse(too_much_memory(request["memory_mb"]))
    except (rules.NotAllowedError, duckdb.Error, pa.ArrowException, OSError) as error:
        # An error of another thread or of the reader comes under another class.
        is_memory = "Out of Memory Error" in str(error)
        refuse(too_much_memory(request["memory_mb"]) if is_memory else str(error))
    with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as stream:
        stream.write_table(rows)


def too_much_memory(memory_mb: int) -> str:
    return (
        f"The query needs more than its {memory_mb} MB of memory. Ask for fewer rows or "
        "columns."
    )


def refuse(sentence: str) -> NoReturn:
    sys.stderr.write(sentence)
    sys.exit(REFUSED)


def limit_process(memory_mb: int, seconds: int) -> None:
    """No file may grow, and memory and processor time end where a query's would."""
    address_space = ADDRESS_SPACE_FACTOR * memory_mb * MEGABYTE
    for kind, limit in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, 2 * seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def run(request: dict[str, Any]) -> pa.Table:
    """The first rows of a query over the marts, one more than are shown."""
    connection = duckdb.connect(
        request["path"],
        read_only=True,
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_unsigned_extensions": "false",
            "python_enable_replacements": "false",
            "temp_directory": "",
            "memory_limit": f"{request['memory_mb']}MB",
            "threads": "2",
            "lock_configuration": "true",
        },
    )
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'main'"
    ).fetchall()
    by_day = marts_by_day(Path(request["path"]))
    sql = request["sql"].strip().rstrip(";")
    marts = frozenset(name.lower() for name in [*by_day, *(name for (name,) in tables)])
    rules.check(connection, sql, marts)
    for mart, files in by_day.items():
        if mart in sql.lower():
            register(connection, mart, files)
    reader = connection.sql(sql).to_arrow_reader(request["rows"] + 1)
    return first_rows(reader, request["rows"] + 1, request["answer_mb"] * MEGABYTE)


def marts_by_day(published: Path) -> dict[str, list[str]]:
    """The Parquet files of each mart that is published by day; not those of events."""
    manifest = published.with_suffix(".json")
    files = json.loads(manifest.read_text()) if manifest.is_file() else {}
    return {
        mart: [str(published.parent / mart / name) for name in names]
        for mart, names in files.items()
        # A build of before marts were published by day named days of events alone.
        if mart != EVENTS and isinstance(names, list) and names
    }


def register(
    connection: duckdb.DuckDBPyConnection, mart: str, files: list[str]
) -> None:
    """Makes a mart of Parquet files known, in place of the view that reads them."""
    # It takes a quarter of a second to load, which most queries can spare.
    from pyarrow import dataset

    connection.register(mart, dataset.dataset(files, format="parquet"))


def first_rows(reader: pa.RecordBatchReader, rows: int, size: int) -> pa.Table:
    """Reads no more than `rows` rows; raises where they are larger than `size` bytes."""
    batches, read, bytes_read = [], 0, 0
    for batch in reader:
        kept = batch.slice(0, rows - read)
        batches.append(kept)
        read += kept.num_rows
        bytes_read += kept.nbytes
        if bytes_read > size:
            raise rules.NotAllowedError(
                f"The answer is larger than {size // MEGABYTE} MB. Ask for fewer "
                "columns, or for shorter texts."
            )
        if read >= rows:
            break
    return pa.Table.from_batches(batches, reader.schema)


if __name__ == "__main__":
    main()
