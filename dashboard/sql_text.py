"""The SQL behind a chart as text that any DuckDB client runs: values filled in."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

# A parameter, or a quoted text or name, in which nothing is a parameter.
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<name>[A-Za-z_]\w*)")


def filled_in(sql: str, parameters: Mapping[str, Any]) -> str:
    """The query with its parameters as literals: to be read, never to be run here."""

    def fill(token: re.Match[str]) -> str:
        name = token["name"]
        return literal(parameters[name]) if name in parameters else token[0]

    return TOKEN.sub(fill, textwrap.dedent(sql).strip("\n"))


def literal(value: Any) -> str:
    """A value as DuckDB reads it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(element) for element in value)}]"
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"
