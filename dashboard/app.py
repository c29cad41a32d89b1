"""The dashboard's entry: which pages there are, and what surrounds each of them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import streamlit as st

# `streamlit run` puts this file's folder on the path, not the one above it.
if (root := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, root)

from dashboard import layout, queries, warehouse
from dashboard.menu import MENU

LOOK_FOR_BUILDS_EVERY = 20  # seconds

log = logging.getLogger("dashboard")


@st.fragment(run_every=LOOK_FOR_BUILDS_EVERY)
def follow_builds(seen: tuple[str, str, str] | None) -> None:
    """Draws the page anew when a build was published, started or failed."""
    if _state() != seen:
        st.rerun()


def _state() -> tuple[str, str, str] | None:
    try:
        return warehouse.state()
    except warehouse.UnreadableWarehouseError:
        return None


def show(page: st.Page) -> None:
    """The page over the current build, or a sentence on why it cannot be shown."""
    newest = layout.newest_build_or_none()
    try:
        build = warehouse.current_build()
    except warehouse.NoWarehouseError:
        layout.no_warehouse(newest)
        return
    except warehouse.UnreadableWarehouseError as error:
        log.error("The published warehouse cannot be opened: %s", error)
        layout.unreadable(newest)
        return
    st.session_state["build"] = build
    try:
        layout.header(page.title, build)
        layout.newest_build(newest)
        info = queries.build.info(build).rows
        if info.empty or info["first_day"].isna().all():
            layout.empty()
        else:
            page.run()
    except warehouse.OtherVersionError as error:
        log.warning("Build %s: %s", build.id, error)
        layout.other_version()
    except Exception:
        log.exception("The page %s could not be drawn", page.title)
        layout.unexpected()


def is_logged_in() -> bool:
    """Whether the page may be shown: where [auth] is set in the secrets, to users only."""
    try:
        is_asked = "auth" in st.secrets
    except FileNotFoundError:
        is_asked = False
    return not is_asked or bool(st.user.get("is_logged_in", False))


st.set_page_config(
    page_title="Product analytics",
    page_icon="📈",
    layout="wide",
    initial_sidebar_state="collapsed",
)
if not is_logged_in():
    layout.log_in()
    st.stop()
st.html(layout.STYLE)
pages = [
    st.Page(entry.file, title=entry.title, icon=entry.icon, default=entry == MENU[0])
    for entry in MENU
]
selected = st.navigation(pages, position="hidden")
layout.menu(pages)
# Before the page, which may stop early.
follow_builds(_state())
show(selected)
