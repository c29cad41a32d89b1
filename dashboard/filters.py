"""The filters of a page: what they show, and the slice that they select.

All state is in the URL, so a link reproduces the page.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import queries, wording
from dashboard.queries import Slice
from dashboard.warehouse import Build

EVERYONE = wording.EVERYONE
ALL_DATA, CUSTOM = "all", "custom"
RANGES = {
    ALL_DATA: "All data",
    "7": "Last 7 days",
    "28": "Last 28 days",
    "90": "Last 90 days",
    "180": "Last 180 days",
    CUSTOM: "Between two days",
}
# More lines than this cannot be told apart.
MOST_LINES = 8


class Filters(NamedTuple):
    """What is selected, and the values to compare as lines (none: everyone)."""

    chosen: Slice
    compared: tuple[str, ...]
    is_everyone: bool

    @property
    def who(self) -> str:
        """Whom the numbers are of, in words."""
        if self.is_everyone:
            return "everyone"
        segment = wording.name(self.chosen.segment).lower()
        names = [wording.value(value) for value in self.chosen.values]
        shown = ", ".join(names[:MOST_LINES]) + (
            f" and {len(names) - MOST_LINES} more" if len(names) > MOST_LINES else ""
        )
        return f"{segment} {shown}"


def bar(build: Build, *, dates_of: str | None) -> Filters:
    """Draws the filters in one row: days (of what, or None for none) and segment."""
    info = queries.build.build_info(build).iloc[0]
    first, last = info["first_day"].date(), info["last_day"].date()
    segments = queries.build.segments(build)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        start, end = first, last
        if dates_of is not None:
            start, end = _days(dates_of, first, last, info["as_of_date"].date())
        segment = st.selectbox(
            "Segment",
            [EVERYONE, *segments["segment"].unique()],
            format_func=lambda text: (
                "Everyone" if text == EVERYONE else wording.name(text)
            ),
            key="segment",
            bind="query-params",
            width=190,
        )
        values = _values(segments, segment)
    if segment == EVERYONE:
        return Filters(Slice(start, end, EVERYONE, (EVERYONE,)), (), True)
    is_everyone = len(values) == (segments["segment"] == segment).sum()
    chosen = Slice(start, end, segment, values)
    return Filters(chosen, values[:MOST_LINES], is_everyone)


def compared_or(filters: Filters, build: Build) -> Filters:
    """The filters, or where everyone is together, a segment chosen for one chart."""
    if filters.compared:
        return filters
    segments = queries.build.segments(build)
    if segments.empty:
        return filters
    names = list(segments["segment"].unique())
    segment = st.segmented_control(
        "Compare by",
        names,
        default=names[0],
        required=True,
        format_func=lambda text: wording.unformatted(wording.name(text)),
        key="by",
        bind="query-params",
        label_visibility="collapsed",
    )
    values = tuple(segments.loc[segments["segment"] == segment, "segment_value"])
    chosen = filters.chosen._replace(segment=segment, values=values)
    return Filters(chosen, values[:MOST_LINES], True)


def _days(dates_of: str, first: date, last: date, as_of: date) -> tuple[date, date]:
    selected = st.selectbox(
        dates_of,
        list(RANGES),
        format_func=RANGES.get,
        key="range",
        bind="query-params",
        width=170,
    )
    if selected == ALL_DATA:
        return first, last
    if selected != CUSTOM:
        return max(first, as_of - timedelta(days=int(selected) - 1)), as_of
    days = st.date_input(
        "From, to",
        (first, last),
        min_value=first,
        max_value=last,
        format="YYYY-MM-DD",
        key="days",
        bind="query-params",
        width=240,
    )
    days = days if isinstance(days, tuple) else (days,)
    # While the second day is still to be picked there is one, or none.
    return (days[0], days[-1]) if days else (first, last)


def _values(segments: pd.DataFrame, segment: str) -> tuple[str, ...]:
    known = list(segments.loc[segments["segment"] == segment, "segment_value"])
    if segment == EVERYONE:
        return (EVERYONE,)
    picked = st.multiselect(
        wording.name(segment),
        known,
        format_func=wording.value,
        placeholder="All values",
        key=f"only-{segment}",
        bind="query-params",
        width=360,
    )
    return tuple(value for value in known if value in picked) or tuple(known)
