"""Where active users come from, and where they go."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    GREEN,
    GREY,
    HATCH,
    ORANGE,
    Series,
    all_of,
    color_of,
    laid_out,
    legend_only,
    note_small,
    opacities,
)

STATES = {
    "returning_users": ("Returning", BLUE, 1),
    "resurrected_users": ("Resurrected", ORANGE, 1),
    "new_users": ("New", GREEN, 1),
    "dormant_users": ("Dormant", GREY, -1),
}


def lifecycle(rows: pd.DataFrame, period: str) -> go.Figure:
    """Where active users come from, above zero, and where they go, below it."""
    is_complete = rows["is_complete"].astype(bool)
    figure = go.Figure()
    for column, (label, color, sign) in STATES.items():
        users = rows[column]
        if column == "dormant_users":
            # Whoever has not come back yet would count as gone.
            users = users.where(is_complete)
        figure.add_bar(
            x=rows["period_start"],
            y=users * sign,
            name=label,
            customdata=users,
            marker={
                "color": color,
                "line": {"width": 0},
                "pattern": {
                    "shape": ["" if full else HATCH for full in is_complete],
                    "fillmode": "replace",
                    "size": 6,
                },
            },
            hovertemplate="%{customdata:,}",
        )
    if not is_complete.all():
        legend_only(figure, "Not over yet", kind="hatched")
    figure.update_layout(barmode="relative", bargap=0.12)
    figure = laid_out(figure, height=360, y_title="Users")
    figure.update_xaxes(hoverformat=hover_of(period))
    return figure


def quick_ratio(rows: Series, period: str) -> go.Figure:
    """New and resurrected users per dormant one: above 1 the product grows."""
    figure = go.Figure()
    for index, (label, periods) in enumerate(rows.items()):
        known = periods[periods["quick_ratio"].notna()]
        figure.add_scatter(
            x=known["period_start"],
            y=known["quick_ratio"],
            name="Quick ratio" if len(rows) == 1 else wording.plain(label),
            mode="lines+markers",
            line={"color": color_of(index, label), "width": 2},
            marker={"size": 6, "opacity": opacities(known["dormant_users"])},
            customdata=known[["new_users", "resurrected_users", "dormant_users"]],
            hovertemplate=(
                "%{y:.2f} (%{customdata[0]:,} new, %{customdata[1]:,} resurrected, "
                "%{customdata[2]:,} dormant)"
            ),
        )
    figure.add_hline(y=1, line={"color": GREY, "width": 1, "dash": "dash"})
    ratios = pd.concat(rows.values()).dropna(subset="quick_ratio")
    note_small(figure, ratios["dormant_users"])
    figure = laid_out(figure, height=320, y_title="New and resurrected per dormant")
    figure.update_layout(showlegend=True)
    figure.update_yaxes(tickformat=".1f", rangemode="tozero")
    figure.update_xaxes(hoverformat=hover_of(period))
    return figure


def power_curve(rows: Series) -> go.Figure:
    """How many of the active users came on how many days."""
    figure = go.Figure()
    for index, (label, days) in enumerate(rows.items()):
        figure.add_bar(
            x=days["active_days"],
            y=days["share_exact"],
            name=wording.plain(label),
            marker={
                "color": color_of(index, label),
                "line": {"width": 0},
                "opacity": opacities(days["active_users"]),
            },
            customdata=days[["users_exact", "users_at_least", "share_at_least"]],
            hovertemplate=(
                "%{y:.1%}, %{customdata[0]:,} users; on as many or more "
                "%{customdata[2]:.1%}, %{customdata[1]:,} users"
            ),
            showlegend=len(rows) > 1,
        )
    last = int(all_of(rows, "active_days").max())
    figure.update_layout(barmode="group", bargap=0.15, bargroupgap=0.05)
    figure = laid_out(figure, height=320, y_title="Share of active users")
    if len(rows) == 1:
        figure.update_layout(margin_t=8)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(
        title="Days active",
        dtick=1 if last <= 7 else 2,
        range=[0.4, last + 0.6],
        unifiedhovertitle={"text": "%{x} days"},
    )
    return figure


def hover_of(period: str) -> str:
    """How a period is named: by its month, or by the day that it begins with."""
    return {
        "day": "%-d %b %Y",
        "week": "Week of %-d %b %Y",
        "month": "%B %Y",
    }[period]
