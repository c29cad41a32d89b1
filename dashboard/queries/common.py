"""What the queries of all pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, ParamSpec

import pandas as pd
import streamlit as st

from dashboard import warehouse
from dashboard.warehouse import Build

Period = Literal["day", "week", "month"]
Arguments = ParamSpec("Arguments")

CACHED_RESULTS = 300
# Groups below this are noise when their rates are compared.
SMALL_GROUP = 20
# A list of people is for looking at some; the numbers are of all.
LISTED_USERS = 1000


class Slice(NamedTuple):
    """What the filters select: days, both included, and values of one segment.

    is_everyone: whether these are all values that there are.
    """

    start: date
    end: date
    segment: str
    values: tuple[str, ...]
    is_everyone: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, **self.who}

    @property
    def who(self) -> dict[str, Any]:
        return {"segment": self.segment, "values": list(self.values)}


class Result(NamedTuple):
    """Rows, with the query that gave them: what a chart shows, and how it came there."""

    rows: pd.DataFrame
    sql: str
    parameters: Mapping[str, Any]


def ask(build: Build, sql: str, parameters: Mapping[str, Any]) -> Result:
    """Asks the published file; values are bound, never formatted in."""
    return Result(warehouse.query(build, sql, parameters), sql, parameters)


def cached(
    function: Callable[Arguments, Result],
) -> Callable[Arguments, Result]:
    """Caches by arguments: the build, and what the filters select."""
    return st.cache_data(show_spinner="Counting ...", max_entries=CACHED_RESULTS)(
        function
    )


def listed_users(build: Build, sql: str, parameters: Mapping[str, Any]) -> Result:
    """Users behind a number, the first ones by id, with how many there are in all.

    sql: a query with a row per user and a column user_id. Adds the column all_users.
    """
    return ask(
        build,
        f"with\n\nlisted as (\n{sql}\n)\n\n"
        "select listed.*, count(*) over () as all_users\n"
        "from listed\norder by user_id\nlimit $limit",
        {**parameters, "limit": LISTED_USERS},
    )


def matching(rows: pd.DataFrame, **wanted: Any) -> pd.Series | None:
    """The one row with these values, or None."""
    for column, wanted_value in wanted.items():
        rows = rows[rows[column] == wanted_value]
    return None if rows.empty else rows.iloc[0]
