"""How long the dashboard's pages take on the server, over the warehouse in WAREHOUSE_DIR.

    python -m benchmarks.dashboard [--runs 5]

A first view starts from empty caches, as after a publish; a filter change follows it in the
same session, to a segment that was not asked for before. Medians over the runs, in seconds,
of the whole script: queries, figures and layout, without the browser.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import queries, warehouse

APP = Path(__file__).resolve().parents[1] / "dashboard" / "app.py"
PAGES = APP.parent / "app_pages"
LONGEST = 300


def measured(page: str, segment: str, value: str) -> tuple[float, float]:
    """Seconds of a first view, and of the same page for the users of a segment's value."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=LONGEST)
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    first = _seconds(app)
    app.query_params["segment"] = segment
    app.query_params["value"] = value
    return first, _seconds(app)


def _seconds(app: AppTest) -> float:
    start = time.perf_counter()
    app.run()
    elapsed = time.perf_counter() - start
    if app.exception or app.error:
        raise SystemExit(f"The page failed: {[e.value for e in app.error]}")
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    build = warehouse.current_build()
    values = queries.build.segments(build).rows
    if values.empty:
        raise SystemExit("The warehouse has no segment to filter by.")
    segment, value = values.iloc[0]
    print(f"{build.id}, filter: {segment} = {value}, medians of {runs} runs, seconds\n")
    print("| page | first view | filter change |\n| --- | --- | --- |")
    for page in sorted(path.stem for path in PAGES.glob("*.py")):
        times = [measured(page, segment, value) for _ in range(runs)]
        first, change = (
            statistics.median(column) for column in zip(*times, strict=True)
        )
        print(f"| {page} | {first:.2f} | {change:.2f} |", flush=True)


if __name__ == "__main__":
    main()
