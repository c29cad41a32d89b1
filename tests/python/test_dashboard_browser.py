"""The dashboard in a real browser: open, filter, follow a link, drill down, download."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from test_dashboard_marts import ROWS, publish

from dashboard import screenshots
from dashboard.menu import MENU

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHROMIUM = screenshots.chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium: install it, or set CHROMIUM to its path, to test in a browser",
)
SCREEN = {"width": 1200, "height": 900}
PAGES = [entry.name for entry in MENU]
# What a page asks for before it shows something.
LINKS = {
    "ask": "?step1=file_opened&step2=file_opened",
    "user": "?id=u12",
}
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
        page = browser.new_page(viewport=SCREEN)
        page.on("request", lambda request: asked.append(request.url))
        yield page


def choose(page: Page, label: str, option: str, within: Locator | None = None) -> None:
    """Chooses in a select box, and waits until the page shows it."""
    (within or page).get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    screenshots.wait_until_drawn(page)


def mart(folder: Path, sql: str) -> list[tuple]:
    """Rows of a query on the published file."""
    path = folder / "published" / f"{BUILD}.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def visit(page: Page, address: str) -> None:
    page.goto(address)
    screenshots.wait_until_drawn(page)


def metric(page: Page, label: str) -> str:
    tile = page.get_by_test_id("stMetric").filter(has_text=label)
    return tile.get_by_test_id("stMetricValue").inner_text().strip()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_draws_its_charts(page: Page, address: str, name: str) -> None:
    visit(page, f"{address}/{name}{LINKS.get(name, '')}")
    charts = page.get_by_test_id("stPlotlyChart")
    assert charts.count() >= 1
    assert page.get_by_test_id("stException").count() == 0
    assert all(chart.locator("svg.main-svg").count() for chart in charts.all())
    told = [chart.get_attribute("aria-label") for chart in charts.all()]
    assert all(told), "who cannot see a chart is told what it shows"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_narrow_screen(page: Page, address: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    visit(page, f"{address}/{name}{LINKS.get(name, '')}")
    wide = page.evaluate("""() => {
        const main = document.querySelector('[data-testid="stMain"]');
        return main.scrollWidth - main.clientWidth;
    }""")
    page.set_viewport_size(SCREEN)
    assert wide <= 0


def test_a_link_reproduces_the_page_and_its_number(page: Page, address: str) -> None:
    # The last complete day is day 58: dau = share * (10 + 58 % 7).
    visit(page, address)
    assert metric(page, "Daily active users") == str(3 * (10 + 58 % 7))
    visit(page, f"{address}/?segment=plan&value=free")
    assert metric(page, "Daily active users") == str(10 + 58 % 7)
    assert "segment=plan" in page.url


def test_a_link_taken_on_the_way_shows_the_same_to_someone_else(
    page: Page, address: str
) -> None:
    visit(page, f"{address}/retention")
    choose(page, "Segment", "Plan")
    choose(page, "Period", "Month")
    choose(page, "Compare with", "Plan: pro")
    page.get_by_role("link", name="Funnels", exact=True).click()
    page.wait_for_url("**/funnels?*")
    choose(page, "Entered in", "Last 28 days")
    link = page.url
    assert parse_qs(urlsplit(link).query) == {
        "segment": ["plan"],
        "period": ["month"],
        "versus": ["plan.pro"],
        "days": ["28"],
    }
    shown = page.get_by_test_id("stMain").inner_text()
    someone = page.context.browser.new_context(viewport=SCREEN).new_page()
    visit(someone, link)
    assert someone.get_by_test_id("stMain").inner_text() == shown
    someone.context.close()


def test_the_way_back_undoes_one_choice_at_a_time(page: Page, address: str) -> None:
    visit(page, f"{address}/retention?segment=plan&value=free&retained=on-or-after")
    choose(page, "Segment", "Everyone")
    choose(page, "Period", "Month")
    page.get_by_role("link", name="Funnels", exact=True).click()
    page.wait_for_url("**/funnels?period=month")
    choose(page, "Entered in", "Last 28 days")
    for left in (
        "/funnels?period=month",
        "/retention?retained=on-or-after&period=month",
        "/retention?retained=on-or-after",
        "/retention?segment=plan&value=free&retained=on-or-after",
    ):
        page.go_back()
        page.wait_for_url(f"{address}{left}")
        screenshots.wait_until_drawn(page)
    page.get_by_text("Retention by week since the start").wait_for()
    chosen = page.get_by_test_id("stMultiSelect").get_by_text("free", exact=True)
    chosen.wait_for()


def test_a_number_leads_to_as_many_users_as_it_says(
    page: Page, address: str, folder: Path
) -> None:
    sql = (
        "select users, dropped_users from funnel_steps_in('buy') where step_number = 2"
    )
    reached, dropped = mart(folder, sql)[0]
    visit(page, f"{address}/funnels")
    page.get_by_role("button", name="Users").first.click()
    dialog = page.get_by_role("dialog")
    choose(page, "Step", "2. Want it", within=dialog)
    dialog.get_by_text(f"{reached} users.").wait_for()
    choose(page, "Who", "Dropped out before it", within=dialog)
    dialog.get_by_text(f"{dropped} users.").wait_for()
    with page.expect_download() as downloaded:
        dialog.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(downloaded.value.path().read_text().splitlines()))
    assert len({row["user_id"] for row in rows}) == len(rows) == dropped
    page.keyboard.press("Escape")


def test_what_is_shown_can_be_taken_along(
    page: Page, address: str, folder: Path
) -> None:
    visit(page, f"{address}/funnels?segment=plan&value=free")
    page.get_by_role("button", name="About").first.click()
    popover = page.get_by_test_id("stPopoverBody")
    with page.expect_download() as downloaded:
        popover.get_by_role("button", name="Download CSV").click()
    rows = csv.DictReader(downloaded.value.path().read_text().splitlines())
    users = [int(row["users"]) for row in rows]
    sql = "from funnel_steps where segment_value = 'free' order by step_number"
    told = popover.get_by_test_id("stCode").inner_text()
    assert [row[0] for row in mart(folder, f"select users from ({told})")] == users
    assert len(users) == len(mart(folder, sql)) == 3
    page.keyboard.press("Escape")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download plot as a PNG").first.click()
    assert downloaded.value.suggested_filename == "funnel.png"
    assert downloaded.value.path().read_bytes().startswith(b"\x89PNG")


def test_everything_is_reached_by_keyboard(page: Page, address: str) -> None:
    visit(page, f"{address}/funnels")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("""() => {
                const focused = document.activeElement;
                return focused.getAttribute('aria-label') || focused.innerText || '';
            }""")
        )
    names = " ".join(reached)
    for name in ("Segment", "Period", "Users", "About", "Download plot as a PNG"):
        assert name in names, name
    page.get_by_role("button", name="About").first.focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("stPopoverBody").get_by_text("Reached.").wait_for()
    page.keyboard.press("Escape")


# The contrast of the first element that a selector finds, on the page's background.
CONTRAST = """selector => {
    const parsed = text => text.match(/[0-9.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = color.map(value => value / 255).map(
            value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
        );
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const element = document.querySelector(selector);
    const style = getComputedStyle(element);
    const isDrawn = element instanceof SVGElement;
    const color = parsed(isDrawn ? style.fill : style.color);
    let opacity = (color[3] ?? 1) * (isDrawn ? style.fillOpacity : 1);
    for (let above = element; above; above = above.parentElement) {
        opacity *= getComputedStyle(above).opacity;
    }
    const app = document.querySelector('[data-testid="stApp"]');
    const ground = parsed(getComputedStyle(app).backgroundColor);
    const seen = [0, 1, 2].map(i => color[i] * opacity + ground[i] * (1 - opacity));
    const [dark, light] = [luminance(seen), luminance(ground)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(
    page: Page, address: str, scheme: str
) -> None:
    context = page.context.browser.new_context(color_scheme=scheme, viewport=SCREEN)
    seen = context.new_page()
    for path, selectors in {
        "": (
            '[data-testid="stCaptionContainer"] p',
            '[data-testid="stWidgetLabel"] p',
            '[data-testid="stMetricDelta"]',
            ".xtick text",
            ".ytick text",
            ".ytitle",
            ".legendtext",
        ),
        "/paths": (".node-label",),
        "/churn?view=model": (".textpoint text",),
    }.items():
        visit(seen, address + path)
        for selector in selectors:
            assert seen.evaluate(CONTRAST, selector) >= 4.5, selector
    context.close()


def test_hostile_names_are_text(page: Page, address: str) -> None:
    visit(page, f"{address}/?segment=plan")
    assert page.locator("svg b, svg script").count() == 0
    assert page.get_by_text("drop table activation").count() >= 1


def test_a_picture_of_the_page_is_small(page: Page, address: str) -> None:
    visit(page, address)
    picture = screenshots.whole_page(page, 1400)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 250 * 1024
    page.set_viewport_size(SCREEN)


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
    assert len(asked) > len(PAGES)
    assert not [url for url in asked if not url.startswith(local)]
