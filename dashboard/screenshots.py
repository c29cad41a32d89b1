"""Pictures of every page, made from the running dashboard in a headless Chromium.

    python -m dashboard.screenshots [--output docs/screenshots] [--look light]
    python -m dashboard.screenshots --look all --output target/screenshots

It shows the warehouse in WAREHOUSE_DIR. CHROMIUM names the browser where it is not on
the path.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "overview": "/",
    "lifecycle": "/lifecycle",
    "funnels": "/funnels",
    "retention": "/retention",
    "features": "/features",
    "paths": "/paths",
    "segments": "/segments",
    "churn": "/churn",
    "churn_model": "/churn?view=model",
    "quality": "/quality",
    "user": "/user?id=u0012",
    "ask": "/ask?step1=visit&step2=signup&step3=plan_created",
}
HEIGHT = 900
# Colour scheme and width in pixels.
LOOKS = {"light": ("light", 1400), "dark": ("dark", 1400), "narrow": ("light", 430)}
START_SECONDS = 60
DRAW_SECONDS = 60
COLORS = 128
BROWSER_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
# Everything is there, drawn, and no script is running.
IS_DRAWN = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    if (!app || app.dataset.testScriptState !== 'notRunning') return false;
    if (document.querySelector('[data-testid="stSkeleton"]')) return false;
    if (document.querySelector('[data-stale="true"]')) return false;
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    return charts.every(
        chart => chart.querySelector('.main-svg .plot, .main-svg .xy, .sankey')
    );
}"""


def chromium() -> str | None:
    """Path of the browser: CHROMIUM, else `chromium` on the path; None without one."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextmanager
def running_dashboard(warehouse_dir: str | None = None) -> Iterator[str]:
    """The dashboard's address while it runs on a free port of this machine."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    environment = dict(os.environ)
    if warehouse_dir is not None:
        environment["WAREHOUSE_DIR"] = warehouse_dir
    environment["WAREHOUSE_DIR"] = str(
        Path(environment.get("WAREHOUSE_DIR") or "warehouse").resolve()
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "dashboard" / "app.py"),
            f"--server.port={port}",
            "--server.address=127.0.0.1",
            "--server.fileWatcherType=none",
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_browser(executable: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=BROWSER_ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


def wait_until_drawn(page: Page) -> None:
    """Waits until the script has run and every chart is on the page."""
    page.wait_for_selector('[data-testid="stApp"]', timeout=DRAW_SECONDS * 1000)
    page.wait_for_selector("h1", timeout=DRAW_SECONDS * 1000)
    page.wait_for_function(IS_DRAWN, timeout=DRAW_SECONDS * 1000)
    # Charts settle into their final size.
    page.wait_for_timeout(700)
    page.wait_for_function(IS_DRAWN, timeout=DRAW_SECONDS * 1000)


def whole_page(page: Page, width: int) -> bytes:
    """A picture of the page from top to bottom, as PNG."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    wait_until_drawn(page)
    height = page.evaluate(
        "() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight"
    )
    page.set_viewport_size({"width": width, "height": max(HEIGHT, height + 8)})
    wait_until_drawn(page)
    return _small(page.screenshot())


def save_all(address: str, browser: Browser, output: Path, look: str) -> Iterator[Path]:
    """Saves a picture of each page in one of LOOKS; gives the paths as they are made."""
    theme, width = LOOKS[look]
    output.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": HEIGHT}
    )
    for name, path in PAGES.items():
        page = context.new_page()
        page.goto(address + path)
        target = output / f"{name}.png"
        target.write_bytes(whole_page(page, width))
        page.close()
        yield target
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/screenshots"))
    parser.add_argument(
        "--look",
        choices=[*LOOKS, "all"],
        default="light",
        help="all: each in a folder of its own",
    )
    arguments = parser.parse_args()
    executable = chromium()
    if executable is None:
        raise SystemExit("No Chromium found: install it, or set CHROMIUM to its path.")
    looks = LOOKS if arguments.look == "all" else (arguments.look,)
    with running_dashboard() as address, running_browser(executable) as browser:
        for look in looks:
            output = arguments.output / (look if arguments.look == "all" else "")
            for path in save_all(address, browser, output, look):
                print(f"{path} ({path.stat().st_size // 1024} KB)", flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The dashboard ended with code {process.returncode}.")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The dashboard did not start within {START_SECONDS} s.")


def _small(png: bytes) -> bytes:
    """The same picture in few colours, a fraction of the size."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    smaller = image.quantize(colors=COLORS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    smaller.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
