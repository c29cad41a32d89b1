"""The dashboard in a real browser: open, filter by URL, compare with the mart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_dashboard_marts import ROWS, publish

from dashboard import screenshots

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = screenshots.chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium: install it, or set CHROMIUM to its path, to test in a browser",
)
BUILD = "20260302T100000-aaaaaaaa"
NEWER = "20260303T100000-bbbbbbbb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("browser")
    publish(target, BUILD)
    return target


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with screenshots.running_dashboard(str(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Addresses that the browser asked for something."""
    return []


@pytest.fixture(scope="module")
def page(asked: list[str]) -> Iterator[Page]:
    with screenshots.running_browser(CHROMIUM) as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        yield page


def visit(page: Page, address: str) -> None:
    page.goto(address)
    screenshots.wait_until_drawn(page)


def metric(page: Page, label: str) -> str:
    tile = page.get_by_test_id("stMetric").filter(has_text=label)
    return tile.get_by_test_id("stMetricValue").inner_text().strip()


@pytest.mark.parametrize("path", screenshots.PAGES.values())
def test_a_page_draws_its_charts(page: Page, address: str, path: str) -> None:
    visit(page, address + path)
    charts = page.get_by_test_id("stPlotlyChart")
    assert charts.count() >= 2
    assert page.get_by_test_id("stException").count() == 0
    assert all(chart.locator("svg.main-svg").count() for chart in charts.all())


def test_a_link_reproduces_the_page_and_its_number(page: Page, address: str) -> None:
    # The last complete day is day 58: dau = share * (10 + 58 % 7).
    visit(page, address)
    assert metric(page, "Daily active users") == str(3 * (10 + 58 % 7))
    visit(page, f"{address}/?segment=plan&value=free")
    assert metric(page, "Daily active users") == str(10 + 58 % 7)
    assert "segment=plan" in page.url


def test_a_choice_is_written_into_the_url(page: Page, address: str) -> None:
    visit(page, f"{address}/retention")
    page.get_by_role("combobox", name="Period").click()
    page.get_by_role("option", name="Month").click()
    page.wait_for_url("**period=month*")
    screenshots.wait_until_drawn(page)
    assert page.get_by_text("Retention by month since the start").count() == 1


def test_hostile_names_are_text(page: Page, address: str) -> None:
    visit(page, f"{address}/?segment=plan")
    assert page.locator("svg b, svg script").count() == 0
    assert page.get_by_text("drop table activation").count() >= 1


def test_a_picture_of_the_page_is_small(page: Page, address: str) -> None:
    visit(page, address)
    picture = screenshots.whole_page(page, 1400)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 250 * 1024
    page.set_viewport_size({"width": 1200, "height": 900})


def test_an_open_page_follows_a_publish(page: Page, address: str, folder: Path) -> None:
    visit(page, address)
    before = metric(page, "Daily active users")
    more = ROWS["daily_active"].replace("10 + day % 7", "500 + day % 7")
    publish(folder, NEWER, rows={**ROWS, "daily_active": more})
    page.reload()
    screenshots.wait_until_drawn(page)
    assert metric(page, "Daily active users") == f"{3 * (500 + 58 % 7):,}" != before


def test_the_browser_asked_nobody_else(asked: list[str], address: str) -> None:
    """Runs after the others: no font, picture or script comes from elsewhere."""
    local = (address, address.replace("http", "ws"), "data:", "blob:")
    assert len(asked) > len(screenshots.PAGES)
    assert not [url for url in asked if not url.startswith(local)]
