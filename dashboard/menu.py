"""The dashboard's pages, in the order of the menu. An entry comes with its page."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).parent / "app_pages"


class Entry(NamedTuple):
    """A page: its file's name, which is its path in the URL, and how the menu shows it."""

    name: str
    title: str
    icon: str

    @property
    def file(self) -> Path:
        return PAGES / f"{self.name}.py"


MENU = (
    Entry("overview", "Overview", ":material/dashboard:"),
    Entry("lifecycle", "Lifecycle and growth", ":material/recycling:"),
    Entry("funnels", "Funnels", ":material/filter_alt:"),
    Entry("retention", "Retention", ":material/grid_on:"),
    Entry("features", "Features", ":material/widgets:"),
    Entry("paths", "Paths", ":material/route:"),
    Entry("segments", "Segments", ":material/groups:"),
    Entry("churn", "Churn", ":material/logout:"),
    Entry("quality", "Data quality", ":material/verified:"),
    Entry("ask", "Ask", ":material/search:"),
    Entry("user", "User", ":material/person:"),
)
