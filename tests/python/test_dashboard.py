"""Every page of the dashboard in every state says a sentence, and never fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_dashboard_marts import HOSTILE, ROWS, point_at, publish, record

from dashboard import charts, warehouse, wording
from dashboard.menu import MENU
from dashboard.menu import PAGES as FILES

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
PAGES = tuple(entry.name for entry in MENU)
BUILD = "20260302T100000-aaaaaaaa"
NEWER = "20260303T100000-bbbbbbbb"
# A mart that the page cannot do without; some read only what every page does.
NEEDED = {
    "overview": "activation",
    "lifecycle": "stickiness",
    "funnels": "funnel_attempts",
    "retention": "cohort_retention",
    "features": "feature_usage",
    "paths": "path_transitions",
    "segments": "segment_retention",
    "churn": "churn_scores",
    "quality": "data_quality",
    "ask": "daily_active",
    "user": "user_segments",
}
# What a page asks for before it shows something.
ASKED = {
    "ask": {"step1": "file_opened", "step2": "file_opened"},
    "user": {"id": "u12"},
}
# Pages of no filter of users, and how many charts there are at least.
WITHOUT_FILTERS = {"quality", "ask", "user", "segments"}
CHARTS = {"quality": 1, "ask": 1, "user": 1, "paths": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty warehouse folder that the dashboard looks at."""
    target = tmp_path / "warehouse"
    target.mkdir()
    monkeypatch.setenv("WAREHOUSE_DIR", str(target))
    yield target
    st.cache_data.clear()
    st.cache_resource.clear()


def opened(page: str, **query: str) -> AppTest:
    """The app after its first run on a page, with state in the URL."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    for name, text in {**ASKED.get(page, {}), **query}.items():
        app.query_params[name] = text
    return app.run()


@contextmanager
def opened_by_another_process(
    database: Path, read_only: bool
) -> Iterator[subprocess.Popen]:
    script = (
        "import sys, duckdb; "
        f"connection = duckdb.connect({str(database)!r}, read_only={read_only}); "
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline()
        yield process


def texts(app: AppTest) -> str:
    """All sentences that the page shows."""
    kinds = (app.title, app.caption, app.info, app.warning, app.error, app.markdown)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def assert_is_sound(app: AppTest) -> None:
    assert not app.exception
    assert not app.error
    assert "Traceback" not in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_numbers(folder: Path, page: str) -> None:
    publish(folder, BUILD)
    app = opened(page)
    assert_is_sound(app)
    assert app.title[0].value == next(e.title for e in MENU if e.name == page)
    said = texts(app)
    assert "Numbers up to Sunday 1 March 2026 (UTC days)" in said
    assert "built 2 Mar 2026, 10:00 UTC" in said
    assert "12 tests passed" in said
    assert not app.warning
    assert len(app.get("plotly_chart")) >= CHARTS.get(page, 2)


def test_every_page_has_an_entry_in_the_menu() -> None:
    assert {path.stem for path in FILES.glob("*.py")} == set(PAGES)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in WITHOUT_FILTERS]
)
@pytest.mark.parametrize("value", ["free", HOSTILE], ids=["plain", "hostile"])
def test_a_page_can_be_filtered_by_url(folder: Path, page: str, value: str) -> None:
    publish(folder, BUILD)
    app = opened(page, segment="plan", value=value)
    assert_is_sound(app)
    assert app.multiselect(key="choice value").value == [value]
    assert len(app.get("plotly_chart")) >= 1


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in WITHOUT_FILTERS]
)
def test_values_are_compared(folder: Path, page: str) -> None:
    publish(folder, BUILD)
    app = opened(page, segment="plan")
    assert_is_sound(app)
    assert set(app.multiselect(key="choice value").options) == {"free", "pro", HOSTILE}


@pytest.mark.parametrize("page", PAGES)
def test_without_a_warehouse_it_says_what_to_run(folder: Path, page: str) -> None:
    app = opened(page)
    assert_is_sound(app)
    assert "There is no warehouse yet. Run `make build`" in texts(app)


def test_a_first_build_that_failed_is_named(folder: Path) -> None:
    record(folder, BUILD, "failed", failed=["assert_it"], failed_count=1)
    app = opened("overview")
    assert "There is no warehouse yet" in texts(app)
    assert "`assert_it` failed" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_empty_marts_say_that_there_are_no_events(folder: Path, page: str) -> None:
    info = "select 'UTC' as timezone, 3 as tests_passed, now()::timestamp as built_at"
    publish(folder, BUILD, rows={"build_info": info})
    app = opened(page)
    assert_is_sound(app)
    assert "The event table is empty" in texts(app)


@pytest.mark.parametrize("page", ["funnels", "retention"])
def test_filters_that_match_nobody_say_so(folder: Path, page: str) -> None:
    delete = "delete from funnel_attempts; delete from cohort_retention"
    publish(folder, BUILD, change=delete)
    app = opened(page)
    assert_is_sound(app)
    assert "Nobody matches these filters" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_days_of_which_nothing_is_known_are_no_error(folder: Path, page: str) -> None:
    """Two days at the start: no funnel has matured, no window is full, none scored."""
    publish(folder, BUILD)
    link = {"days": "between", "from": "2026-01-02", "to": "2026-01-03"}
    for more in ({}, {"segment": "plan"}, {"versus": "plan.free", "period": "month"}):
        app = opened(page, **link, **more)
        assert_is_sound(app)
        assert app.markdown or app.info


def test_an_overview_without_a_complete_day_says_so(folder: Path) -> None:
    publish(folder, BUILD, change="update daily_active set is_complete = false")
    app = opened("overview")
    assert_is_sound(app)
    assert "Nobody matches these filters" in texts(app)


def test_nobody_scored_is_said(folder: Path) -> None:
    publish(folder, BUILD, change="delete from churn_scores")
    app = opened("churn")
    assert_is_sound(app)
    assert "Nobody is scored" in texts(app)


def test_scores_without_a_model_are_said(folder: Path) -> None:
    publish(
        folder,
        BUILD,
        change="""
            update churn_scores set churn_probability = null, risk_band = 'unknown',
                top_reason_1 = null, top_reason_2 = null;
            delete from churn_model_metrics;
            delete from churn_labels
        """,
    )
    app = opened("churn")
    assert_is_sound(app)
    assert "too little history to learn from" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_one_day_of_data_is_enough(folder: Path, page: str) -> None:
    publish(
        folder,
        BUILD,
        change="""
            delete from daily_active where activity_date > date '2026-01-02';
            delete from lifecycle where period_start > date '2026-01-05';
            delete from cohort_retention where period_number > 0 or cohort_start
                > date '2026-01-05';
            delete from feature_usage; delete from activation; delete from churn_labels
        """,
    )
    app = opened(page)
    assert_is_sound(app)


@pytest.mark.parametrize("page", PAGES)
def test_without_segments_there_is_everyone(folder: Path, page: str) -> None:
    change = "; ".join(
        f"delete from {table} where segment <> 'all'"
        for table in ("daily_active", "user_segment_values", "cohort_retention")
    )
    publish(folder, BUILD, change=change)
    app = opened(page)
    assert_is_sound(app)
    assert len(app.get("plotly_chart")) >= 1


@pytest.mark.parametrize("page", PAGES)
def test_a_newer_build_that_failed_is_named(folder: Path, page: str) -> None:
    publish(folder, BUILD)
    record(folder, NEWER, "failed", failed=["assert_a", "assert_b"], failed_count=2)
    app = opened(page)
    assert_is_sound(app)
    assert "`assert_a`, `assert_b` failed" in app.warning[0].value
    assert "last build that passed all its tests" in app.warning[0].value


def test_a_build_that_runs_is_told_of(folder: Path) -> None:
    publish(folder, BUILD)
    started_at = datetime.now(UTC).isoformat()
    record(folder, NEWER, "running", started_at=started_at)
    app = opened("overview")
    assert_is_sound(app)
    assert "A newer build is running, started just now" in app.info[0].value


def test_a_build_that_was_killed_is_told_of(folder: Path) -> None:
    publish(folder, BUILD)
    record(folder, NEWER, "running")
    app = opened("overview")
    assert_is_sound(app)
    assert "was interrupted before it finished" in app.warning[0].value


@pytest.mark.skipif(sys.platform != "linux", reason="locks are told on Linux alone")
def test_whether_a_build_runs_is_told_by_who_has_its_file_open(folder: Path) -> None:
    publish(folder, BUILD)
    database = folder / warehouse.BUILD_DATABASE
    duckdb.connect(database).close()

    record(folder, NEWER, "running", started_at=datetime.now(UTC).isoformat())
    assert warehouse.newest_build().state == "interrupted"

    hours_ago = datetime.now(UTC) - 2 * warehouse.LONGEST_BUILD
    record(folder, NEWER, "running", started_at=hours_ago.isoformat())
    for read_only, state in ((True, "interrupted"), (False, "running")):
        with opened_by_another_process(database, read_only) as process:
            assert warehouse.newest_build().state == state
            process.kill()
            process.wait()
            assert warehouse.newest_build().state == "interrupted"


def test_a_build_killed_right_after_it_published_is_published(folder: Path) -> None:
    publish(folder, BUILD)
    record(folder, BUILD, "running")
    assert warehouse.newest_build().state == "published"
    assert not opened("overview").warning


@pytest.mark.parametrize("page", PAGES)
def test_a_file_of_another_version_says_so(folder: Path, page: str) -> None:
    publish(folder, BUILD, without=(NEEDED[page],))
    app = opened(page)
    assert_is_sound(app)
    assert "comes from another version" in texts(app)


def test_a_file_without_its_build_info_says_so(folder: Path) -> None:
    publish(folder, BUILD, without=("build_info",))
    app = opened("overview")
    assert_is_sound(app)
    assert "comes from another version" in texts(app)


@pytest.mark.parametrize("content", [b"no database", b""], ids=["text", "empty"])
def test_a_file_that_cannot_be_opened_is_a_sentence(
    folder: Path, content: bytes
) -> None:
    publish(folder, BUILD).write_bytes(content)
    app = opened("overview")
    assert not app.exception
    assert "cannot be opened" in app.error[0].value or "another version" in texts(app)


@pytest.mark.parametrize(
    "pointer", ["", "{", "{}", '{"file": "published/gone.duckdb", "build": "gone"}']
)
def test_a_pointer_that_cannot_be_followed_is_a_sentence(
    folder: Path, pointer: str
) -> None:
    (folder / "current.json").write_text(pointer)
    app = opened("overview")
    assert not app.exception
    assert "cannot be opened" in app.error[0].value


def test_an_unexpected_error_is_a_sentence_and_a_line_in_the_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(folder, BUILD)

    def fail(*_: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr(charts.overview, "active_users", fail)
    app = opened("overview")
    assert not app.exception
    assert "could not be drawn" in app.error[0].value
    assert "secret detail" not in texts(app)
    assert "secret detail" in caplog.text


def test_an_open_session_follows_a_publish(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("overview")
    before = app.metric[0].value
    more = ROWS["daily_active"].replace("10 + day % 7", "500 + day % 7")
    publish(folder, NEWER, rows={**ROWS, "daily_active": more})
    app.run()
    assert_is_sound(app)
    assert app.metric[0].value != before
    assert app.session_state["build"].id == NEWER


def test_a_session_moves_on_when_its_file_is_gone(folder: Path) -> None:
    old = publish(folder, BUILD)
    app = opened("funnels")
    publish(folder, NEWER)
    old.unlink()
    app.run()
    assert_is_sound(app)
    assert app.session_state["build"].id == NEWER


def test_a_file_that_vanishes_before_it_is_opened_is_looked_for_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, NEWER)
    point_at(folder, "20260301T000000-cleaned0")

    def publish_meanwhile(_: float) -> None:
        point_at(folder, NEWER)

    monkeypatch.setattr(warehouse.time, "sleep", publish_meanwhile)
    assert warehouse.current_build().id == NEWER


def test_the_tiles_show_the_marts_numbers(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("overview", segment="plan", value="free")
    build = warehouse.current_build()
    row = warehouse.query(
        build,
        """
        select dau, wau, mau, new_users, returning_users,
            avg(dau) over (order by activity_date rows 27 preceding) / mau as stickiness
        from daily_active
        where is_complete and segment = 'plan' and segment_value = 'free'
        order by activity_date desc limit 1
        """,
        {},
    ).iloc[0]
    assert [metric.value for metric in app.metric[:6]] == [
        *(wording.count(row[column]) for column in row.index[:5]),
        wording.percent(row["stickiness"]),
    ]


def test_users_are_found_by_a_part_of_their_id(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("churn", user="u4", risk="high")
    assert_is_sound(app)
    users = app.dataframe[0].value
    assert list(users["user_id"]) == [f"u4{digit}" for digit in reversed(range(8))]
    assert opened("churn", user="' or 1=1 --").dataframe.len == 0


def test_no_page_shows_a_columns_raw_name(folder: Path) -> None:
    publish(folder, BUILD)
    columns = {"dau_change", "matured_conversion", "top_reason_1", "retention_rate"}
    for page in PAGES:
        app = opened(page)
        labels = [chart.proto.spec for chart in app.get("plotly_chart")]
        shown = texts(app) + json.dumps(
            [
                trace.get("name", "")
                for spec in labels
                for trace in json.loads(spec)["data"]
            ]
        )
        assert not [name for name in columns if name in shown]


def _luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", ["#ffffff", "#12161c"])
@pytest.mark.parametrize(
    "color", [*charts.common.PALETTE, *charts.common.BANDS.values()]
)
def test_colors_stand_out_in_light_and_dark(color: str, background: str) -> None:
    """WCAG asks for 3:1 of what a picture is made of."""
    lighter, darker = sorted((_luminance(color), _luminance(background)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, wording.NOT_KNOWN),
        (0, "0 s"),
        (59.4, "59 s"),
        (90, "1.5 min"),
        (3600, "1 h"),
        (86400, "1 day"),
        (52 * 3600, "2.2 days"),
        (40 * 86400, "40 days"),
    ],
)
def test_durations_are_said_in_the_unit_one_would_use(
    seconds: float | None, said: str
) -> None:
    assert wording.duration(seconds) == said
