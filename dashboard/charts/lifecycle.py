"""Where active users come from, and where they go."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.common import (
    BLUE,
    GREEN,
    GREY,
    HATCH,
    ORANGE,
    laid_out,
    legend_only,
)


def lifecycle(rows: pd.DataFrame, period: str) -> go.Figure:
    """Where active users come from, above zero, and where they go, below it."""
    states = (
        ("returning_users", "Returning", BLUE, 1),
        ("resurrected_users", "Resurrected", ORANGE, 1),
        ("new_users", "New", GREEN, 1),
        ("dormant_users", "Dormant", GREY, -1),
    )
    is_complete = rows["is_complete"].astype(bool)
    figure = go.Figure()
    for column, label, color, sign in states:
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
        legend_only(figure, "Not over yet", hatched=True)
    figure.update_layout(barmode="relative", bargap=0.12)
    figure = laid_out(figure, height=340, y_title="Users")
    figure.update_xaxes(hoverformat="%B %Y" if period == "month" else "%-d %b %Y")
    return figure
