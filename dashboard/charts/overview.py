"""How many people use the product, day by day."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    GREEN,
    ORANGE,
    Series,
    add_line,
    add_rates,
    all_of,
    color_of,
    laid_out,
    legend_only,
    note_dotted,
    note_small,
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
    return _from_first_to_last_day(figure, days["activity_date"])


def measure(rows: Series, of: str) -> go.Figure:
    """One measure of engagement by day, a line for each of what is compared."""
    is_rate = of == "stickiness"
    figure = go.Figure()
    for index, (label, days) in enumerate(rows.items()):
        add_line(
            figure,
            days["activity_date"],
            days[of],
            days[f"is_full_{of}"],
            name=wording.plain(label),
            color=color_of(index, label),
            hover="%{y:.1%}" if is_rate else "%{y:,}",
        )
    note_dotted(figure, pd.concat(rows.values()), (of,))
    figure = laid_out(figure, height=320, y_title=MEASURES[of] if is_rate else "Users")
    if is_rate:
        figure.update_yaxes(tickformat=".0%")
    return _from_first_to_last_day(figure, all_of(rows, "activity_date"))


def activation(rows: Series, level: str) -> go.Figure:
    """Who was activated in time, by week of sign-up; open weeks are hollow."""
    figure = go.Figure()
    for index, (label, weeks) in enumerate(rows.items()):
        add_rates(
            figure,
            weeks,
            x="period_start",
            rate="activation_rate",
            n="matured_users",
            is_over="is_matured",
            name="Activated in time" if len(rows) == 1 else wording.plain(label),
            color=color_of(index, label),
            has_errors=len(rows) == 1,
            told=("ci_low", "ci_high", "activated_users", "matured_users"),
            hover=(
                "%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%}), "
                "%{customdata[2]:,} of %{customdata[3]:,} users who have had their time"
            ),
        )
    if not all_of(rows, "is_matured").all():
        legend_only(figure, "Some have not had their time yet", kind="hollow")
    note_small(figure, all_of(rows, "matured_users"))
    figure = laid_out(figure, height=400, y_title=f"Activated ({level} interval)")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(hoverformat="Week of %-d %b %Y")
    return figure


def _from_first_to_last_day(figure: go.Figure, days: pd.Series) -> go.Figure:
    """Without the room at both ends that markers would get, and users from zero."""
    first, last = days.min(), days.max()
    margin = max((last - first) * 0.01, pd.Timedelta(hours=12))
    figure.update_xaxes(range=[first - margin, last + margin])
    return figure.update_yaxes(rangemode="tozero")
