"""Every page over the seeds: filtered, compared, followed by a link, and in every state."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.builds import DbtRun, published_file

PROJECT = Path(__file__).resolve().parents[2]
APP = PROJECT / "dashboard" / "app.py"
PAGES = sorted(path.stem for path in (PROJECT / "dashboard" / "app_pages").glob("*.py"))
# What else there is to see on a page than its first view.
VIEWS = {
    "ask": (
        {"step1": "visit", "step2": "signup", "step3": "plan_created"},
        {"step1": "visit", "step2": "signup", "by": "plan", "order": "strict"},
        {"step1": "visit", "step2": "signup", "days": "28"},
        {"ask": "retention", "target": "signup", "returning": "meal_cooked"},
        {"ask": "sql", "mart": "user_features"},
    ),
    "churn": (
        {"view": "what"},
        {"view": "model", "contact": "20"},
        {"risk": "high", "user": "u00"},
    ),
    "features": ({"feature": "list_shared", "period": "month"},),
    "paths": ({"detail": "10", "after": "visit"},),
    "user": ({"id": "u0012"}, {"id": "u00"}, {"id": "nobody has this id"}),
}
FILTERS = (
    {"segment": "plan", "value": "team"},
    {"segment": "plan", "value": "free", "versus": "plan.team"},
    {"days": "28", "period": "month"},
    {"segment": "no segment", "period": "no period", "days": "no days"},
)
# The table that a page cannot do without.
NEEDED = {
    "ask": "feature_usage",
    "churn": "churn_scores",
    "features": "feature_usage",
    "funnels": "funnel_steps",
    "lifecycle": "lifecycle",
    "overview": "daily_active",
    "paths": "path_transitions",
    "quality": "data_quality",
    "retention": "cohort_retention",
    "segments": "segment_retention",
}


@pytest.fixture
def seeds(seeds_build: DbtRun, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The warehouse folder of the seeds, that the dashboard looks at."""
    monkeypatch.setenv("WAREHOUSE_DIR", str(seeds_build.warehouse))
    yield seeds_build.warehouse
    st.cache_resource.clear()


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=120)
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def said(app: AppTest) -> str:
    kinds = (app.title, app.caption, app.info, app.warning, app.error, app.markdown)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def assert_is_sound(app: AppTest) -> None:
    assert not app.exception
    assert [error.value for error in app.error] == []
    assert "built" in said(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_something_in_every_view(page: str, seeds: Path) -> None:
    for view in ({}, *VIEWS.get(page, ())):
        app = opened(page, **view)
        assert_is_sound(app)
        assert app.markdown or app.info or app.dataframe or app.metric, view


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_filtered_and_compared_by_its_link(page: str, seeds: Path) -> None:
    for chosen in FILTERS:
        assert_is_sound(opened(page, **chosen))


@pytest.mark.parametrize("page", NEEDED)
def test_a_page_over_a_file_of_another_version_says_so(
    page: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = published_file(seeds)
    (tmp_path / "published").mkdir()
    other = tmp_path / "published" / "20200101T000000-00000000.duckdb"
    shutil.copy(current, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute(f"alter table {NEEDED[page]} rename to of_another_version")
    pointer = {"file": f"published/{other.name}", "build": other.stem}
    (tmp_path / "current.json").write_text(json.dumps(pointer))
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    app = opened(page)
    assert not app.exception
    assert "comes from another version of this project" in said(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_a_warehouse_says_which_command_to_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    app = opened(page)
    assert not app.exception
    assert "make build" in said(app)


def test_ask_answers_sql_and_refuses_what_is_no_query_of_the_marts(seeds: Path) -> None:
    app = opened("ask", ask="sql", sql="select count(*) as days from daily_active")
    assert len(app.dataframe) == 1, "a link does not run what it brings"
    app.button[-1].click().run()
    assert_is_sound(app)
    assert list(app.dataframe[0].value.columns) == ["days"]
    app.text_area[0].set_value("from read_text('/etc/hostname')")
    app.button[-1].click().run()
    assert not app.exception
    assert "not answered" in app.error[0].value
    assert "read_text are not allowed" in app.code[0].value
