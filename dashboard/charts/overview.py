"""How many people use the product, day by day."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.common import (
    BLUE,
    GREEN,
    ORANGE,
    add_line,
    color_of,
    laid_out,
    note_dotted,
    value_text,
)

MEASURES = {
    "dau": "Daily active users",
    "wau": "Weekly active users",
    "mau": "Monthly active users",
    "stickiness": "Stickiness",
}


def active_users(days: pd.DataFrame) -> go.Figure:
    """DAU, WAU and MAU by day; days without a full window are dotted."""
    figure = go.Figure()
    for index, measure in enumerate(("mau", "wau", "dau")):
        add_line(
            figure,
            days["activity_date"],
            days[measure],
            days[f"is_full_{measure}"],
            name=MEASURES[measure],
            color=(GREEN, ORANGE, BLUE)[index],
            hover="%{y:,}",
        )
    note_dotted(figure, days, ("dau", "wau", "mau"))
    figure = laid_out(figure, height=340, y_title="Users")
    return _from_first_to_last_day(figure, days)


def measure_by_value(
    days: pd.DataFrame, measure: str, values: Sequence[str]
) -> go.Figure:
    """One measure of engagement by day, a line for each value of a segment."""
    is_rate = measure == "stickiness"
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        rows = days[days["segment_value"] == segment_value]
        add_line(
            figure,
            rows["activity_date"],
            rows[measure],
            rows[f"is_full_{measure}"],
            name=value_text(segment_value),
            color=color_of(index, segment_value),
            hover="%{y:.1%}" if is_rate else "%{y:,}",
        )
    note_dotted(figure, days, (measure,))
    figure = laid_out(
        figure, height=320, y_title=MEASURES[measure] if is_rate else "Users"
    )
    if is_rate:
        figure.update_yaxes(tickformat=".0%")
    return _from_first_to_last_day(figure, days)


def _from_first_to_last_day(figure: go.Figure, days: pd.DataFrame) -> go.Figure:
    """Without the room at both ends that markers would get, and users from zero."""
    first, last = days["activity_date"].min(), days["activity_date"].max()
    margin = (last - first) * 0.01
    figure.update_xaxes(range=[first - margin, last + margin])
    return figure.update_yaxes(rangemode="tozero")
