"""What SQL that a user typed may say: one query, over the published marts, no more.

DuckDB's own parser says what the text means, and whatever is not known here is refused:
a rule that names what is allowed does not age with the functions of the next release.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

# Where rows may come from, beside the marts and the query's own `with`.
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
SOURCES = frozenset(
    {
        "BASE_TABLE",
        "COLUMN_DATA",
        "EMPTY",
        "EMPTY_FROM",
        "EXPRESSION_LIST",
        "JOIN",
        "PIVOT",
        "SHOW_REF",
        "SUBQUERY",
        "TABLE_FUNCTION",
    }
)
QUERIES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
)
# These tell of the machine, not of the product, or leave traces.
REFUSED_FUNCTIONS = frozenset(
    {
        "current_setting",
        "getenv",
        "getvariable",
        "nextval",
        "currval",
        "write_log",
        "parse_duckdb_log_message",
    }
)
LONGEST = 20_000  # characters


class NotAllowedError(Exception):
    """The text is not a query of the marts; the message says what is wrong with it."""


def check(
    connection: duckdb.DuckDBPyConnection, sql: str, marts: frozenset[str]
) -> None:
    """Raises NotAllowedError unless `sql` is one query over `marts`.

    `connection` is used to parse, nothing is run.
    """
    if not sql.strip():
        raise NotAllowedError("There is no query. Type one, such as: from daily_active")
    if len(sql) > LONGEST:
        raise NotAllowedError(
            f"The query has {len(sql):,} characters; at most {LONGEST:,} are allowed."
        )
    _check_statements(sql)
    for node, named in _nodes(_parsed(connection, sql), marts):
        _check_node(node, named)


def _check_statements(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise NotAllowedError(str(error)) from error
    if len(statements) != 1:
        raise NotAllowedError(
            f"There are {len(statements)} statements; one query is allowed at a time."
        )
    kind = statements[0].type.name
    if kind != "SELECT":
        raise NotAllowedError(
            f"This is a statement of the kind {kind}; only queries are allowed: they "
            "begin with select, from, with, values, describe or summarize."
        )


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    text = connection.execute("select json_serialize_sql($1::varchar)", [sql])
    tree = json.loads(text.fetchall()[0][0])
    if tree.get("error"):
        raise NotAllowedError(
            f"This is no query that can be checked: {tree.get('error_message')}"
        )
    return tree


def _check_node(node: dict[str, Any], known: frozenset[str]) -> None:
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in QUERIES:
        raise NotAllowedError(
            f"{kind.removesuffix('_NODE').replace('_', ' ').capitalize()} is not "
            "allowed; a query may only read."
        )
    if {"sample", "query_location"} <= node.keys() and kind not in SOURCES:
        raise NotAllowedError(f"Rows from {kind} are not allowed.")
    if kind == "BASE_TABLE" or (kind == "SHOW_REF" and node.get("table_name")):
        _check_table(node, known)
    if kind == "TABLE_FUNCTION":
        function = str(node["function"].get("function_name", "")).lower()
        if function not in TABLE_FUNCTIONS:
            raise NotAllowedError(
                f"Rows from the function {function} are not allowed here; allowed are "
                f"{_listed(TABLE_FUNCTIONS)}. Funnels and retention have builders."
            )
    elif str(node.get("function_name", "")).lower() in REFUSED_FUNCTIONS:
        raise NotAllowedError(f"The function {node['function_name']} is not allowed.")


def _check_table(node: dict[str, Any], known: frozenset[str]) -> None:
    table = str(node.get("table_name", "")).strip('"').lower()
    is_elsewhere = node.get("catalog_name") or node.get("schema_name") not in (
        "",
        "main",
    )
    if is_elsewhere or table not in known:
        raise NotAllowedError(
            f"There is no mart {table!r}. There are {_listed(known)}."
        )


def _nodes(
    value: Any, known: frozenset[str]
) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every object of a parsed query, with the tables that are known where it stands.

    A name of a `with` is known to what comes after it and to the query below, nowhere
    else; there it would be whatever the database has of that name.
    """
    if isinstance(value, list):
        for part in value:
            yield from _nodes(part, known)
    if not isinstance(value, dict):
        return
    yield value, known
    if value.get("type") == "RECURSIVE_CTE_NODE":
        known = known | {str(value["cte_name"]).lower()}
    for entry in (value.get("cte_map") or {}).get("map", []):
        yield from _nodes(entry["value"], known)
        known = known | {str(entry["key"]).lower()}
    for name, part in value.items():
        if name != "cte_map":
            yield from _nodes(part, known)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
