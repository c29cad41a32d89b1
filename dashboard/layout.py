"""What all pages share: panels with what is behind them, and a sentence per state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, queries, sql_text, state, warehouse, wording
from dashboard.filters import Filters, Lines
from dashboard.queries import Result, Slice
from dashboard.warehouse import Build, NewestBuild

# Streamlit's own grey of the text in and beside charts is too pale to read in light; what
# is too wide for a narrow screen, the menu and some charts, is pushed aside in its place.
STYLE = """<style>
.st-key-menu {
    flex-wrap: nowrap;
    overflow-x: auto;
    scrollbar-width: thin;
}
.st-key-menu a { white-space: nowrap; }
[class*="st-key-wide"] { overflow-x: auto; }
[class*="st-key-wide"] > div { min-width: 640px; }
.js-plotly-plot :is(.xtick, .ytick, .textpoint) text,
.js-plotly-plot :is(.xtitle, .ytitle, .node-label) {
    fill: currentColor !important;
    fill-opacity: 0.8 !important;
}
</style>"""
NAMED_FAILURES = 5
# Which of two columns is drawn: what is in it twice needs a key of its own.
_side: ContextVar[str] = ContextVar("side", default="")
NOTHING_SELECTED = (
    "Nobody matches these filters. Choose more days, or other values above."
)


class Users(NamedTuple):
    """The users behind a panel's numbers.

    choices: {label: {option: value}}: what is asked before they are listed, such as the
    step and whether they reached it. ask: gives them for the values that were chosen,
    in that order; a Result of queries.common.listed_users.
    columns: labels of the columns beside the user's.
    """

    ask: Callable[..., Result]
    choices: Mapping[str, Mapping[str, Any]] = {}
    columns: Mapping[str, str] = {}


class Panel:
    """A card whose head tells of what is in it, once that is known."""

    def __init__(self, title: str, note: str) -> None:
        self.key = f"{_side.get()}{title}"
        self._title = title
        self._head = st.container(
            horizontal=True, vertical_alignment="center", gap="small"
        )
        self._head.markdown(f"**{title}**", width="stretch")
        if note:
            st.caption(note)

    def about(
        self,
        of: Result | Sequence[Result],
        means: Mapping[str, str] | None = None,
        n: str = "",
        users: Users | None = None,
    ) -> None:
        """What is behind it.

        Args:
            of: what it shows; its SQL and its rows are in the panel's menu.
            means: {label: "mart.column"} (or "mart", or a sentence) of what is counted.
            n: how many it is of, such as "3,842 users".
            users: the users behind the numbers.
        """
        results = (of,) if isinstance(of, Result) else tuple(of)
        with self._head:
            if n:
                st.caption(f"n = {n}", width="content")
            if users is not None:
                _users_button(self._title, self.key, users)
            _menu(self._title, self.key, results, means or {})


@contextmanager
def panel(
    title: str,
    note: str = "",
    *,
    of: Result | Sequence[Result] = (),
    means: Mapping[str, str] | None = None,
    n: str = "",
    users: Users | None = None,
) -> Iterator[Panel]:
    """A card with a title that says what is seen, and a note on how to read it.

    Both are Markdown; text from the data goes through wording.unformatted. What is behind
    it is given here, or, where a control in the panel decides on it, by its `about`.
    """
    with st.container(border=True, height="stretch"):
        opened = Panel(title, note)
        if of or means or users:
            opened.about(of, means, n, users)
        yield opened


def draw(figure: go.Figure, alt: str, key: str, *, is_wide: bool = False) -> None:
    """A figure in the theme's light or dark, with a text for who cannot see it.

    is_wide: it is no narrower than a small window, and moves within its place.
    """
    own_key = f"{_side.get()}{key}"
    with st.container(key=f"wide {own_key}") if is_wide else nullcontext():
        st.plotly_chart(figure, config=charts.common.config(key), alt=alt, key=own_key)


def side_by_side(filters: Filters) -> Iterator[Slice]:
    """Each of the compared slices in a column of its own; one alone has all the width.

    `for chosen in layout.side_by_side(selection):` draws what is in the loop there.
    """
    if filters.versus is None:
        yield filters.chosen
        return
    for side, column in enumerate(st.columns(2)):
        chosen = filters.slices[side]
        token = _side.set(f"side {side} ")
        with column:
            st.markdown(f"**{wording.sentence(whom(chosen))}**")
            yield chosen
        _side.reset(token)


def figures(
    filters: Filters,
    ask: Callable[[Slice], Result],
    figure_of: Callable[[pd.DataFrame], go.Figure],
    axis: Literal["x", "y"] = "y",
) -> list[tuple[Result, go.Figure]]:
    """What each of the compared slices gives, drawn on one scale."""
    results = [ask(chosen) for chosen in filters.slices]
    drawn = [figure_of(result.rows) for result in results]
    return list(zip(results, charts.common.same_axis(drawn, axis), strict=True))


class Compared(NamedTuple):
    """Rows by the label of what they are of, and the queries that gave them."""

    rows: dict[str, pd.DataFrame]
    results: tuple[Result, ...]

    @property
    def is_empty(self) -> bool:
        return not self.rows


def compared(lines: Lines, ask: Callable[[Slice, bool], Result]) -> Compared:
    """What a chart tells apart; who has no rows is left out.

    ask: gives the rows of a slice, of all its values together or (True) of each.
    """
    if len(lines.slices) > 1:
        results = tuple(ask(chosen, False) for chosen in lines.slices)
        labels = [wording.sentence(who(chosen)) for chosen in lines.slices]
        rows = dict(zip(labels, (result.rows for result in results), strict=True))
    elif len(lines.values) == 1:
        # All of one value together are that value, which the page has asked for already.
        result = ask(lines.slices[0], False)
        results = (result,)
        rows = {wording.value(lines.values[0]): result.rows}
    else:
        result = ask(lines.slices[0], True)
        results = (result,)
        by_value = dict(list(result.rows.groupby("segment_value", sort=False)))
        rows = {
            wording.value(value): by_value[value]
            for value in lines.values
            if value in by_value
        }
    return Compared({label: of for label, of in rows.items() if len(of)}, results)


def left_out(lines: Lines) -> str:
    """Says that not all values are drawn."""
    if not lines.left_out:
        return ""
    return (
        f" The {len(lines.values)} largest of {len(lines.values) + lines.left_out} "
        "values are shown."
    )


def level(build: Build) -> str:
    """The level of confidence of the intervals, such as `95%`."""
    return wording.level(queries.build.info(build).rows.iloc[0]["confidence_level_z"])


def nothing_selected() -> None:
    st.info(NOTHING_SELECTED, icon=":material/filter_alt_off:")


def who(chosen: Slice) -> str:
    """Whom numbers are of, in words."""
    return wording.who(chosen.segment, chosen.values, chosen.is_everyone)


def whom(chosen: Slice) -> str:
    """The same for a sentence in Markdown."""
    return wording.unformatted(who(chosen))


def build_of_page() -> Build:
    """The build that the header told of; a page never mixes two."""
    return st.session_state["build"]


def menu(pages: Sequence[st.Page]) -> None:
    """Links to all pages, which bring along what is chosen."""
    chosen = state.carried()
    with st.container(horizontal=True, gap="xsmall", key="menu"):
        for page in pages:
            st.page_link(page, query_params=chosen)


def header(title: str, build: Build) -> None:
    """The page's title, and of which day, timezone and build its numbers are."""
    st.title(title, anchor=False)
    info = queries.build.info(build).rows
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


def log_in() -> None:
    st.title("Product analytics", anchor=False)
    st.info("Log in to see the numbers.", icon=":material/lock:")
    st.button("Log in", on_click=st.login, type="primary")


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


def _menu(
    title: str, key: str, results: Sequence[Result], means: Mapping[str, str]
) -> None:
    """What a panel means, the SQL that gave it, and its rows as a file."""
    with st.popover(
        "About",
        icon=":material/info:",
        type="tertiary",
        help="What this means, its SQL, and its data",
    ):
        for label, meaning in means.items():
            st.markdown(f"**{label}.** {wording.unformatted(_meaning(meaning))}")
        for number, result in enumerate(results, start=1):
            st.download_button(
                "Download CSV" + (f" ({number})" if len(results) > 1 else ""),
                _csv(result),
                file_name=f"{_slug(title)}{f'-{number}' if number > 1 else ''}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key=f"csv {key} {number}",
            )
        for result in results:
            _sql(result)
        st.caption("The camera at the top right of a chart saves it as PNG.")


def _sql(result: Result) -> None:
    text = sql_text.filled_in(result.sql, result.parameters)
    st.code(text, language="sql", wrap_lines=True)


def _meaning(meaning: str) -> str:
    """The description of a mart or of one of its columns; another text is itself."""
    mart, _, column = meaning.partition(".")
    known = queries.build.descriptions(build_of_page()).rows
    column_name = known["column_name"]
    is_it = (known["table_name"] == mart) & (
        column_name == column if column else column_name.isna()
    )
    return known.loc[is_it, "comment"].iloc[0] if is_it.any() else meaning


def _users_button(title: str, key: str, users: Users) -> None:
    if st.button(
        "Users",
        icon=":material/group:",
        type="tertiary",
        key=f"users {key}",
        help="Who they are",
    ):
        st.dialog("Who they are", width="large")(_list_users)(title, users)


def _list_users(title: str, users: Users) -> None:
    """The content of the dialog that lists users."""
    st.caption(title)
    chosen = []
    if users.choices:
        with st.container(horizontal=True):
            for label, options in users.choices.items():
                picked = st.selectbox(label, list(options), key=f"{title} {label}")
                chosen.append(options[picked])
    result = users.ask(*chosen)
    rows = result.rows.drop(columns="all_users")
    if rows.empty:
        st.info("Nobody.", icon=":material/group_off:")
        return
    total = int(result.rows["all_users"].iloc[0])
    cut = (
        f"; the first {wording.count(len(rows))} are listed"
        if len(rows) < total
        else ""
    )
    st.markdown(f"**{wording.counted(total, 'user')}**{cut}.")
    users_table(rows, users.columns)
    st.download_button(
        "Download CSV",
        _csv(result._replace(rows=rows)),
        file_name=f"{_slug(title)}-users.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.expander("SQL"):
        _sql(result)


def _label(column: str) -> str:
    """A column's name for people; an instant is told in UTC."""
    label = wording.name(column.removesuffix("_at"))
    return f"{label} (UTC)" if column.endswith("_at") else label


def users_table(rows: pd.DataFrame, columns: Mapping[str, Any], **options: Any) -> None:
    """Users, a row each, with a link to the page of each; `user_id` comes first."""
    links = [f"/user?id={quote(str(user), safe='')}" for user in rows["user_id"]]
    table = rows.copy()
    table.insert(1, "open", links)
    st.dataframe(
        table,
        hide_index=True,
        alt="Users",
        column_config={
            **{column: _label(column) for column in rows},
            "user_id": st.column_config.TextColumn("User", pinned=True),
            "open": st.column_config.LinkColumn(
                "",
                display_text=":material/open_in_new:",
                width="small",
                help="The user's own page",
            ),
            **columns,
        },
        **options,
    )


def _csv(result: Result) -> Callable[[], bytes]:
    """Made when it is asked for."""
    return lambda: result.rows.to_csv(index=False).encode()


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]
