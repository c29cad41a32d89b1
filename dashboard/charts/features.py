"""Who uses what, how soon, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
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
        legend_only(figure, "Not over yet", kind="dotted")
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


VERDICTS = {
    "confirmed": (GREEN, "circle"),
    "suggestive": (ORANGE, "diamond"),
    "confounded": (GREY, "x"),
    "no evidence": (GREY, "circle-open"),
}


def impact(rows: pd.DataFrame) -> go.Figure:
    """What is left of each behaviour's difference once users are made comparable."""
    labels = [behavior(row.event_name, row.threshold) for row in rows.itertuples()]
    rows = rows.assign(label=labels)
    figure = go.Figure()
    figure.add_scatter(
        x=rows["retained_with_rate"] - rows["retained_without_rate"],
        y=labels,
        mode="markers",
        name="Before",
        marker={"size": 7, "color": FAINT, "symbol": "line-ns-open", "line_width": 3},
        hovertemplate="%{x:+.1%} before",
    )
    for verdict, (color, symbol) in VERDICTS.items():
        judged = rows[rows["verdict"] == verdict]
        if judged.empty:
            continue
        figure.add_scatter(
            x=judged["adjusted_risk_difference"],
            y=judged["label"],
            mode="markers",
            name=wording.name(verdict),
            marker={"size": 10, "color": color, "symbol": symbol},
            error_x=errors(judged, "adjusted_risk_difference"),
            customdata=judged[["ci_low", "ci_high", "q_value"]],
            hovertemplate=(
                "%{x:+.1%} (%{customdata[0]:+.1%} to %{customdata[1]:+.1%}), "
                "q = %{customdata[2]:.3f}"
            ),
        )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure = laid_out(figure, height=110 + 24 * len(rows), hover="y unified")
    figure.update_xaxes(tickformat="+.0%", title="Difference (points)")
    return figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=labels[::-1],
        dtick=1,
        range=[-0.6, len(rows) - 0.4],
    )


def behavior(event_name: str, threshold: int) -> str:
    times = "" if threshold == 1 else f", {threshold} times or more"
    return f"{name_text(event_name)}{times}"
