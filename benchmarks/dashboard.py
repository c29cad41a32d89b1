"""How long the dashboard's pages take on the server, over the warehouse in WAREHOUSE_DIR.

    python -m benchmarks.dashboard [--runs 5] [--only churn]

A first view starts from empty caches, as after a publish; a change follows it in the same
session: another segment, user or funnel, that was not asked for before. Medians over the
runs, in seconds, of the whole script: queries, figures and layout, without the browser; and
what of the processor they took, all threads together.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import queries, warehouse
from dashboard.warehouse import Build

APP = Path(__file__).resolve().parents[1] / "dashboard" / "app.py"
LONGEST = 300
FILTERED = ("overview", "lifecycle", "funnels", "retention", "features", "paths")


class View(NamedTuple):
    """A page with what is in its URL, and what of that changes; none where nothing can."""

    label: str
    page: str
    first: dict[str, str]
    change: dict[str, str]


class Cost(NamedTuple):
    """Seconds by the clock, and of the processor."""

    elapsed: float
    busy: float


def views(build: Build) -> Iterator[View]:
    """Every page, with what it asks for before it shows something."""
    values = queries.build.segments(build).rows
    if values.empty:
        raise SystemExit("The warehouse has no segment to filter by.")
    segment = dict(zip(("segment", "value"), values.iloc[0], strict=True))
    for page in FILTERED:
        yield View(page, page, {}, segment)
    yield View("funnels: 90 days", "funnels", {"days": "90"}, segment)
    yield View("segments", "segments", {}, {})
    yield View("churn: who", "churn", {}, segment)
    yield View("churn: what goes with it", "churn", {"view": "what"}, segment)
    yield View("churn: the model", "churn", {"view": "model"}, {"contact": "33"})
    yield View("quality", "quality", {}, {})
    events = list(queries.ask.events(build).rows["event_name"][:3])
    steps = {f"step{number}": event for number, event in enumerate(events, start=1)}
    yield View("ask: a funnel", "ask", steps, {"within": "7"})
    newest = {**steps, "days": "28"}
    yield View("ask: a funnel of 28 days", "ask", newest, {"within": "7"})
    returns = {"ask": "retention", "target": events[0]}
    yield View("ask: retention", "ask", returns, {"returning": events[1]})
    users = warehouse.query(
        build,
        """
        select user_id from user_segment_values where segment = 'all'
        order by hash(user_id) limit 2
        """,
        {},
    )["user_id"]
    yield View("user", "user", {"id": users[0]}, {"id": users[1]})


def measured(view: View) -> tuple[Cost, Cost | None]:
    """What a first view of a page costs, and what a change does."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=LONGEST)
    if view.page != "overview":
        app.switch_page(f"app_pages/{view.page}.py")
    first = _cost(app, view.first)
    return first, _cost(app, view.change) if view.change else None


def _cost(app: AppTest, query: dict[str, str]) -> Cost:
    for name, text in query.items():
        app.query_params[name] = text
    elapsed, busy = time.perf_counter(), time.process_time()
    app.run()
    cost = Cost(time.perf_counter() - elapsed, time.process_time() - busy)
    if app.exception or app.error:
        raise SystemExit(f"The page failed: {[e.value for e in app.error]}")
    return cost


def _median(costs: list[Cost | None]) -> str:
    known = [cost for cost in costs if cost]
    if not known:
        return "- | -"
    medians = (statistics.median(column) for column in zip(*known, strict=True))
    return " | ".join(f"{seconds:.2f}" for seconds in medians)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="views whose name begins so")
    given = parser.parse_args()
    runs = given.runs
    build = warehouse.current_build()
    print(f"{build.id}, medians of {runs} runs, seconds\n")
    print("| page | first view | processor | change | processor |")
    print("| --- | --- | --- | --- | --- |")
    for view in views(build):
        if not view.label.startswith(given.only):
            continue
        firsts, changes = zip(*(measured(view) for _ in range(runs)), strict=True)
        print(f"| {view.label} | {_median(firsts)} | {_median(changes)} |", flush=True)


if __name__ == "__main__":
    main()
