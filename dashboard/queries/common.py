"""What the queries of all pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, ParamSpec

import pandas as pd
import streamlit as st

Period = Literal["day", "week", "month"]

Arguments = ParamSpec("Arguments")

CACHED_RESULTS = 200
# Groups below this are noise when their rates are compared.
SMALL_GROUP = 20
# As var confidence_level_z of the marts: 95 %.
CONFIDENCE_Z = 1.959963984540054


class Slice(NamedTuple):
    """What the filters select: days, both included, and values of one segment."""

    start: date
    end: date
    segment: str
    values: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, **self.who}

    @property
    def who(self) -> dict[str, Any]:
        return {"segment": self.segment, "values": list(self.values)}


def cached(
    function: Callable[Arguments, pd.DataFrame],
) -> Callable[Arguments, pd.DataFrame]:
    """Caches by arguments: the build, and what the filters select."""
    return st.cache_data(show_spinner=False, max_entries=CACHED_RESULTS)(function)


def wilson(successes: str, trials: str) -> str:
    """Both ends of the Wilson score interval, named ci_low and ci_high."""
    z2 = CONFIDENCE_Z**2
    centre = f"({successes} + {z2 / 2})"
    spread = (
        f"{CONFIDENCE_Z} * sqrt({successes} * ({trials} - {successes})"
        f" / {trials} + {z2 / 4})"
    )
    return f"""
        case when {trials} > 0
            then greatest(0.0, ({centre} - {spread}) / ({trials} + {z2})) end as ci_low,
        case when {trials} > 0
            then least(1.0, ({centre} + {spread}) / ({trials} + {z2})) end as ci_high
    """


def matching(rows: pd.DataFrame, **wanted: Mapping[str, Any]) -> pd.Series | None:
    """The one row with these values, or None."""
    for column, wanted_value in wanted.items():
        rows = rows[rows[column] == wanted_value]
    return None if rows.empty else rows.iloc[0]
