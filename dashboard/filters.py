"""The filter bar: which days and whom a page shows, and whom it compares them with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import queries, state, wording
from dashboard.queries import Period, Slice
from dashboard.warehouse import Build

EVERYONE = wording.EVERYONE
ALL_DATA, BETWEEN, NOBODY = "all", "between", "nobody"
RANGES = {
    ALL_DATA: "All data",
    "7": "Last 7 days",
    "28": "Last 28 days",
    "90": "Last 90 days",
    "180": "Last 180 days",
    BETWEEN: "Between two days",
}
# More lines than this cannot be told apart.
MOST_LINES = 8


class Filters(NamedTuple):
    """What is selected.

    chosen: the days, and whom the numbers are of. versus: the same days of those they
    are compared with, or None.
    """

    chosen: Slice
    versus: Slice | None
    period: Period

    @property
    def slices(self) -> tuple[Slice, ...]:
        """The one, or the two that are compared."""
        return (self.chosen,) if self.versus is None else (self.chosen, self.versus)


def bar(
    build: Build,
    *,
    dates_of: str | None,
    periods: Sequence[Period] = (),
    default_period: Period = "week",
    has_versus: bool = True,
) -> Filters:
    """Draws the filters in one row.

    Args:
        dates_of: the label of the days; None where the page is of one date.
        periods: those to choose from; none where the page has no periods.
        has_versus: whether two may be compared side by side.
    """
    info = queries.build.info(build).rows.iloc[0]
    first, last = info["first_day"].date(), info["last_day"].date()
    values = queries.build.segments(build).rows
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        start, end = first, last
        if dates_of is not None:
            start, end = _days(dates_of, first, last, info["as_of_date"].date())
        chosen = _chosen(values, start, end)
        versus = _versus(values, chosen) if has_versus and len(values) else None
        period = default_period
        if periods:
            period = state.choose(
                st.selectbox,
                "Period",
                "period",
                periods,
                default_period,
                format_func=wording.PERIODS.get,
                width=110,
            )
    return Filters(chosen, versus, period)


def days(build: Build, label: str) -> tuple[date | None, date | None]:
    """Draws the choice of days alone; None and None where none are left out."""
    info = queries.build.info(build).rows.iloc[0]
    ends = info["first_day"].date(), info["last_day"].date()
    chosen = _days(label, *ends, info["as_of_date"].date())
    return (None, None) if chosen == ends else chosen


class Lines(NamedTuple):
    """What a chart tells apart: two slices, or the values of one."""

    slices: tuple[Slice, ...]
    values: tuple[str, ...]
    left_out: int

    @property
    def by(self) -> str:
        """What tells them apart, in words."""
        if len(self.slices) > 1 or self.slices[0].segment == EVERYONE:
            return ""
        return wording.unformatted(wording.name(self.slices[0].segment).lower())


def lines(filters: Filters, build: Build, *, ask: bool = True) -> Lines:
    """What the filters tell apart.

    Where they tell nothing apart, and `ask`, the values of a segment chosen here.
    """
    if filters.versus is not None:
        return Lines(filters.slices, (), 0)
    chosen = by_segment(filters, build)[0] if ask else filters.chosen
    values = chosen.values
    return Lines((chosen,), values[:MOST_LINES], len(values[MOST_LINES:]))


def by_segment(filters: Filters, build: Build) -> tuple[Slice, tuple[str, ...]]:
    """For what is by one segment: its slice, and the values to tell apart.

    Those of the filters, or where everyone is together, of a segment chosen here.
    """
    chosen = filters.chosen
    values = queries.build.segments(build).rows
    names = list(values["segment"].unique())
    if chosen.segment == EVERYONE and names:
        segment = state.choose(
            st.segmented_control,
            "Compare by",
            "by",
            names,
            names[0],
            required=True,
            format_func=lambda text: wording.unformatted(wording.name(text)),
            label_visibility="collapsed",
        )
        chosen = chosen._replace(segment=segment, values=_values_of(values, segment))
    return chosen, chosen.values[:MOST_LINES]


def _chosen(values: pd.DataFrame, start: date, end: date) -> Slice:
    segment = state.choose(
        st.selectbox,
        "Segment",
        "segment",
        [EVERYONE, *values["segment"].unique()],
        EVERYONE,
        clears=("value",),
        format_func=lambda text: "Everyone" if text == EVERYONE else wording.name(text),
        width=170,
    )
    if segment == EVERYONE:
        return Slice(start, end, EVERYONE, (EVERYONE,), True)
    known = _values_of(values, segment)
    picked = state.choose_some(
        st.multiselect,
        wording.unformatted(wording.name(segment)),
        "value",
        known,
        format_func=wording.value,
        placeholder="All values",
        width=300,
    )
    some = tuple(picked) or known
    return Slice(start, end, segment, some, len(some) == len(known))


def _versus(values: pd.DataFrame, chosen: Slice) -> Slice | None:
    """Whom the chosen ones are compared with: everyone, or a value of a segment."""
    others = {
        f"{row.segment}.{row.segment_value}": (row.segment, row.segment_value)
        for row in values.itertuples()
        if (row.segment, (row.segment_value,)) != (chosen.segment, chosen.values)
    }
    options = [NOBODY, *([] if chosen.is_everyone else [EVERYONE]), *others]
    picked = state.choose(
        st.selectbox,
        "Compare with",
        "versus",
        options,
        NOBODY,
        format_func=lambda option: _versus_label(option, others),
        width=210,
    )
    if picked == NOBODY:
        return None
    if picked == EVERYONE:
        return Slice(chosen.start, chosen.end, EVERYONE, (EVERYONE,), True)
    segment, value = others[picked]
    return Slice(chosen.start, chosen.end, segment, (value,), False)


def _versus_label(option: str, others: dict[str, tuple[str, str]]) -> str:
    if option == NOBODY:
        return "Nobody"
    if option == EVERYONE:
        return "Everyone"
    segment, value = others[option]
    return f"{wording.name(segment)}: {wording.value(value)}"


def _values_of(values: pd.DataFrame, segment: str) -> tuple[str, ...]:
    return tuple(values.loc[values["segment"] == segment, "segment_value"])


def _days(dates_of: str, first: date, last: date, as_of: date) -> tuple[date, date]:
    picked = state.choose(
        st.selectbox,
        dates_of,
        "days",
        list(RANGES),
        ALL_DATA,
        clears=("from", "to"),
        format_func=RANGES.get,
        width=170,
    )
    if picked == ALL_DATA:
        return first, last
    if picked == BETWEEN:
        return state.choose_days("From, to", first, last, width=240)
    return max(first, as_of - timedelta(days=int(picked) - 1)), as_of
