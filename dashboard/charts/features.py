"""Who uses what, how soon, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    SYMBOLS,
    add_line,
    color_of,
    errors,
    laid_out,
    legend_only,
    name_text,
)


def usage_by_period(rows: pd.DataFrame, events: Sequence[str]) -> go.Figure:
    """The share of active users who used each feature, a line each."""
    figure = go.Figure()
    for index, event in enumerate(events):
        used = rows[rows["event_name"] == event]
        add_line(
            figure,
            used["period_start"],
            used["adoption_rate"],
            used["is_full"],
            name=name_text(event),
            color=color_of(index, event),
            hover="%{y:.1%}",
        )
    if not rows["is_full"].all():
        legend_only(figure, "Not over yet", hatched=False)
    figure = laid_out(figure, height=320, y_title="Share of active users")
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def adoption_by_week_of_life(rows: pd.DataFrame, events: Sequence[str]) -> go.Figure:
    """The share that had used each feature by each week of their life."""
    figure = go.Figure()
    for index, event in enumerate(events):
        adopted = rows[rows["event_name"] == event]
        figure.add_scatter(
            x=adopted["life_week"],
            y=adopted["adoption_rate"],
            name=name_text(event),
            mode="lines+markers",
            line={"color": color_of(index, event), "width": 2},
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 7},
            error_y=errors(adopted, "adoption_rate"),
            customdata=adopted[["users"]],
            hovertemplate="%{y:.1%} of %{customdata[0]:,} users",
        )
    figure = laid_out(figure, height=320, y_title="Share who had used it")
    figure.update_xaxes(title="Week of a user's life", dtick=1)
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def breadth(rows: pd.DataFrame) -> go.Figure:
    """Users by how many features they used."""
    figure = go.Figure()
    figure.add_bar(
        x=rows["features_used"],
        y=rows["share"],
        marker_color=BLUE,
        customdata=rows["users"].map(lambda users: wording.counted(users, "user")),
        hovertemplate="%{customdata} (%{y:.1%})<extra></extra>",
    )
    figure = laid_out(figure, height=300, y_title="Share of active users")
    figure.update_xaxes(title="Features used", dtick=1 if len(rows) <= 20 else 5)
    return figure.update_yaxes(tickformat=".0%")
