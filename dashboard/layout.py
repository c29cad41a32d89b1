"""What all pages share: panels, charts in them, and the sentences of every state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, queries, warehouse, wording
from dashboard.filters import Filters
from dashboard.warehouse import Build, NewestBuild

NAMED_FAILURES = 5
NOTHING_SELECTED = (
    "Nobody matches these filters. Choose more days, or other values above."
)


@contextmanager
def panel(title: str, note: str = "") -> Iterator[None]:
    """A card with a title that says what is seen, and a note on how to read it."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{title}**")
        if note:
            st.caption(note)
        yield


def draw(figure: go.Figure, alt: str, key: str) -> None:
    """A figure in the theme's light or dark, with a text for who cannot see it."""
    st.plotly_chart(figure, config=charts.common.CONFIG, alt=alt, key=key)


def nothing_selected() -> None:
    st.info(NOTHING_SELECTED, icon=":material/filter_alt_off:")


def whom(filters: Filters) -> str:
    """Whom the numbers are of, for a sentence in Markdown."""
    return wording.unformatted(filters.who)


def build_of_page() -> Build:
    """The build that the header told of; a page never mixes two."""
    return st.session_state["build"]


def header(title: str, build: Build) -> None:
    """The page's title, and of which day, timezone and build its numbers are."""
    st.title(title, anchor=False)
    info = queries.build.build_info(build)
    if info.empty:
        return
    row = info.iloc[0]
    told = [
        f"Numbers up to {wording.weekday(row['as_of_date'])} ({row['timezone']} days)"
        if pd.notna(row["as_of_date"])
        else "No numbers yet",
        f"built {wording.moment(row['built_at'])}",
    ]
    if pd.notna(row["tests_passed"]):
        told.append(f"{wording.counted(row['tests_passed'], 'test')} passed")
    st.caption(" · ".join(told))


def newest_build(newest: NewestBuild | None, *, is_first: bool = False) -> None:
    """A banner where a build newer than the one shown failed, runs or was stopped."""
    if newest is None or newest.state == "published":
        return
    shown = (
        "There is nothing to show before one succeeds."
        if is_first
        else "What you see is the last build that passed all its tests."
    )
    started = (
        wording.ago(datetime.now(UTC) - newest.started_at)
        if newest.started_at
        else "at an unknown time"
    )
    if newest.state == "failed":
        st.warning(
            f"A newer build, started {started}, did not pass and was not published: "
            f"{_failures(newest)}. {shown}",
            icon=":material/error:",
        )
    elif newest.state == "running":
        st.info(
            f"A newer build is running, started {started}. The page follows when it "
            f"has passed. {shown}",
            icon=":material/progress_activity:",
        )
    else:
        st.warning(
            f"A newer build, started {started}, was interrupted before it finished. "
            f"Run `make build` again. {shown}",
            icon=":material/warning:",
        )


def no_warehouse(newest: NewestBuild | None) -> None:
    st.title("Product analytics", anchor=False)
    st.info(
        "There is no warehouse yet. Run `make build` in the project's folder; this "
        "page shows the numbers as soon as they have passed their tests.",
        title="Nothing was built yet",
        icon=":material/database:",
    )
    newest_build(newest, is_first=True)


def unreadable(newest: NewestBuild | None) -> None:
    st.title("Product analytics", anchor=False)
    st.error(
        "The published warehouse cannot be opened. Run `make build` to publish it "
        "anew; the log of the dashboard says what is wrong with the file.",
        title="The warehouse cannot be read",
        icon=":material/database_off:",
    )
    newest_build(newest)


def other_version() -> None:
    st.warning(
        "The published warehouse comes from another version of this project and lacks "
        "what this page shows. Run `make build` to publish it anew.",
        title="This page needs a newer warehouse",
        icon=":material/update:",
    )


def empty() -> None:
    st.info(
        "The event table is empty, so there is nothing to count. Point `events` at a "
        "table with events (see the README) and run `make build`.",
        title="No events yet",
        icon=":material/inbox:",
    )


def unexpected() -> None:
    st.error(
        "This page could not be drawn. Reset its filters by opening it from the menu; "
        "if that does not help, the log of the dashboard says what happened.",
        title="Something went wrong",
        icon=":material/error:",
    )


def _failures(newest: NewestBuild) -> str:
    named = ", ".join(f"`{name}`" for name in newest.failed[:NAMED_FAILURES])
    more = newest.failed_count - min(len(newest.failed), NAMED_FAILURES)
    if not named:
        return f"{wording.counted(newest.failed_count, 'step')} failed"
    return f"{named} failed" if more <= 0 else f"{named} and {more} more failed"


def newest_build_or_none() -> NewestBuild | None:
    """The newest build's state; None where its record cannot be read either."""
    try:
        return warehouse.newest_build()
    except warehouse.UnreadableWarehouseError:
        return None
