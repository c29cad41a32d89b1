"""What all pages stand on: state in the URL, panels, the SQL behind a chart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest
from test_dashboard import BUILD, PAGES, assert_is_sound, folder, opened, texts
from test_dashboard_marts import HOSTILE, publish

from dashboard import sql_text, warehouse
from dashboard.menu import MENU

__all__ = ["folder"]

# Parts of a page that are drawn one at a time.
VIEWS = {"churn": ({"view": "who"}, {"view": "what"}, {"view": "model"})}


def in_the_url(app: AppTest) -> dict[str, list[str]]:
    """What is in the URL."""
    return {
        name: [texts] if isinstance(texts, str) else texts
        for name, texts in app.query_params.items()
    }


def test_a_choice_is_an_id_in_the_url(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("retention")
    app.selectbox(key="choice period").set_value("month").run()
    app.selectbox(key="choice segment").set_value("plan").run()
    app.multiselect(key="choice value").set_value(["pro", HOSTILE]).run()
    assert_is_sound(app)
    assert in_the_url(app) == {
        "period": ["month"],
        "segment": ["plan"],
        "value": ["pro", HOSTILE],
    }


def test_what_is_at_its_default_is_not_in_the_url(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("retention", period="month")
    app.selectbox(key="choice period").set_value("week").run()
    assert in_the_url(app) == {}


def test_another_segment_forgets_the_values_of_the_one_before(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("funnels", segment="plan", value="free")
    app.selectbox(key="choice segment").set_value("all").run()
    assert in_the_url(app) == {}


@pytest.mark.parametrize(
    "junk",
    [
        {"period": "decade"},
        {"segment": "shoe size", "value": "42"},
        {"versus": "plan.gold"},
        {"days": "-1"},
        {"days": "between", "from": "soon", "to": "2026-99-99"},
        {"days": "between", "from": "2026-02-20", "to": "2026-01-10"},
        {"days": "between", "from": "1900-01-01", "to": "2900-01-01"},
    ],
    ids=lambda junk: "-".join(f"{k}={v}" for k, v in junk.items()),
)
def test_an_id_that_there_is_not_is_the_default(
    folder: Path, junk: dict[str, str]
) -> None:
    publish(folder, BUILD)
    app = opened("funnels", **junk)
    assert_is_sound(app)
    assert len(app.get("plotly_chart")) >= 2


def test_links_of_the_menu_bring_the_filters_along(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("funnels", segment="plan", value="free", days="28", funnel="buy")
    links = [link.proto for link in app.get("page_link")]
    assert [link.label for link in links] == [entry.title for entry in MENU]
    chosen = {"segment": ["plan"], "value": ["free"], "days": ["28"]}
    assert all(parse_qs(link.query_string) == chosen for link in links)


def test_days_between_two_days_are_selected(folder: Path) -> None:
    publish(folder, BUILD)
    link = {"days": "between", "from": "2026-01-05", "to": "2026-01-11"}
    app = opened("funnels", **link)
    assert_is_sound(app)
    assert "7 users entered between 5 Jan 2026 and 11 Jan 2026" in texts(app)
    days = (date(2026, 1, 5), date(2026, 1, 8))
    app.date_input(key="choice days between").set_value(days).run()
    assert in_the_url(app)["to"] == ["2026-01-08"]
    assert "4 users entered" in texts(app)


def test_a_panel_shows_the_sql_that_gave_it(folder: Path) -> None:
    publish(folder, BUILD)
    app = opened("funnels", segment="plan", value=HOSTILE)
    told = [block.value for block in app.code]
    assert told
    assert all(len(warehouse.query(warehouse.current_build(), sql, {})) for sql in told)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (["a", "it's"], "['a', 'it''s']"),
        ([], "[]"),
        (date(2026, 1, 5), "date '2026-01-05'"),
        (datetime(2026, 1, 5, 10), "timestamp '2026-01-05 10:00:00'"),
        ("$other", "'$other'"),
    ],
)
def test_a_parameter_is_filled_in_as_a_literal(value: object, text: str) -> None:
    assert sql_text.filled_in("select $x", {"x": value, "other": 1}) == f"select {text}"


def test_what_is_quoted_is_no_parameter() -> None:
    sql = """select '$x', 'it''s $x', "$x", $x, $y"""
    filled = sql_text.filled_in(sql, {"x": 1})
    assert filled == """select '$x', 'it''s $x', "$x", 1, $y"""


def blocks(block: Any, above: tuple = ()) -> Iterator[tuple[Any, tuple]]:
    """Every element of a page, with the containers that it stands in."""
    for child in getattr(block, "children", {}).values():
        yield child, above
        yield from blocks(child, (*above, child))


@pytest.mark.parametrize("page", PAGES)
def test_every_chart_and_table_tells_what_is_behind_it(folder: Path, page: str) -> None:
    publish(folder, BUILD)
    for view in VIEWS.get(page, ({},)):
        app = opened(page, **view)
        shown = [
            above
            for element, above in blocks(app.main)
            if element.type in ("plotly_chart", "dataframe", "arrow_data_frame")
        ]
        assert shown
        for above in shown:
            panels = [
                block
                for block in above
                if getattr(
                    getattr(block.proto, "flex_container", None), "border", False
                )
            ]
            assert panels, "a chart stands in a panel"
            about = [
                element
                for element, _ in blocks(panels[-1])
                if element.type == "popover"
            ]
            assert len(about) == 1, panels[-1]
