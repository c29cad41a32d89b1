"""What was set aside, and which days look unusual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.common import BLUE, ORANGE, color_of, laid_out, name_text


def volume(rows: pd.DataFrame) -> go.Figure:
    """Events by day; unusual days are marked."""
    unusual = rows[rows["is_anomaly"].astype(bool)]
    figure = go.Figure()
    figure.add_bar(
        x=rows["check_date"],
        y=rows["rows"],
        name="Events",
        marker={"color": BLUE, "line": {"width": 0}},
        hovertemplate="%{y:,} events",
    )
    if len(unusual):
        figure.add_scatter(
            x=unusual["check_date"],
            y=unusual["rows"],
            name="Unusual for the weekday",
            mode="markers",
            marker={"color": ORANGE, "size": 10, "symbol": "diamond"},
            hovertemplate="Unusual",
        )
    return laid_out(figure, height=280, y_title="Events")


def set_aside(rows: pd.DataFrame) -> go.Figure:
    """Rows set aside by week, stacked by reason."""
    figure = go.Figure()
    for index, name in enumerate(sorted(rows["check_name"].unique())):
        weeks = rows[rows["check_name"] == name]
        figure.add_bar(
            x=weeks["week_start"],
            y=weeks["rejected_rows"],
            name=name_text(name),
            marker={"color": color_of(index, name), "line": {"width": 0}},
            hovertemplate="%{y:,} rows",
        )
    figure.update_layout(barmode="stack")
    return laid_out(figure, height=300, y_title="Rows set aside")
