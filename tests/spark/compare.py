"""What differs between two relations, row for row: exactly, floats to a tolerance."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.spark.build import relation_files

TOLERANCE = 1e-9  # of the greater of 1 and the value
# Of one build each: who made it, when, and how many tests it passed.
PER_BUILD = {"marts.build_info": "exclude (invocation, built_at, tests_passed)"}


def differences(database: Path, warehouse: Path) -> dict[str, str]:
    """{relation: what differs} of all that Spark built in a warehouse folder."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{database}' as ours (read_only)")
        for name, files in relation_files(warehouse).items():
            columns = f"* {PER_BUILD.get(name, '')}"
            what = difference(
                connection,
                f"(select {columns} from ours.{name})",
                f"(select {columns} from read_parquet('{files}'))",
            )
            if what:
                found[name] = what
    return found


def difference(
    connection: duckdb.DuckDBPyConnection, ours: str, theirs: str
) -> str | None:
    """What differs between two relations of the same columns, with an example; or None.

    Rows are put in the order of all exact columns, then the floats, and compared place
    by place; what is read from a file is cast to the type of the column of ours.
    """
    types = _types(connection, ours)
    if list(types) != list(_types(connection, theirs)):
        return f"columns {list(types)} and {list(_types(connection, theirs))}"
    floats = {name for name, kind in types.items() if kind in ("DOUBLE", "FLOAT")}
    order = ", ".join(
        f'"{name}" nulls last' for name in sorted(types, key=lambda n: (n in floats, n))
    )
    casts = ", ".join(
        f'cast("{name}" as {kind}) as "{name}"' for name, kind in types.items()
    )
    unequal = {
        name: (
            f'not coalesce(abs(ours."{name}" - theirs."{name}") '
            f'<= {TOLERANCE} * greatest(1, abs(ours."{name}")), '
            f'ours."{name}" is null and theirs."{name}" is null)'
            if name in floats
            else f'ours."{name}" is distinct from theirs."{name}"'
        )
        for name in types
    }
    numbered = (
        "select *, row_number() over (order by {}) as place from (select {} from {})"
    )
    rows = connection.execute(
        f"""
        select
            ours.place is null, theirs.place is null, ours, theirs,
            {", ".join(unequal.values())}
        from ({numbered.format(order, casts, ours)}) as ours
        full outer join ({numbered.format(order, casts, theirs)}) as theirs
            on ours.place = theirs.place
        where ours.place is null or theirs.place is null or {" or ".join(unequal.values())}
        order by coalesce(ours.place, theirs.place)
        """
    ).fetchall()
    if not rows:
        return None
    extra, missing, one, other, *differs = rows[0]
    columns = [
        name for name, is_different in zip(types, differs, strict=True) if is_different
    ]
    return (
        f"{len(rows)} rows differ ({sum(row[0] for row in rows)} too many, "
        f"{sum(row[1] for row in rows)} missing); the first "
        + (
            f"is {one if missing else other}"
            if extra or missing
            else f"in {columns}: {[one[name] for name in columns]} and "
            f"{[other[name] for name in columns]} of {one}"
        )
    )


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return dict(
        connection.execute(
            f"select column_name, column_type from (describe select * from {relation})"
        ).fetchall()
    )
