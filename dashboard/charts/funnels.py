"""How far people get, and where they drop out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    FAINT,
    HATCH,
    ORANGE,
    color_of,
    errors,
    laid_out,
    name_text,
    value_text,
)


def funnel(steps: pd.DataFrame) -> go.Figure:
    """Of all who entered: who reached each step, who may still, who dropped out."""
    labels = [
        f"<b>{name_text(row.step_name)}</b><br>{wording.counted(row.users, 'user')}<br>"
        f"{wording.percent(row.conversion_from_start)} of start"
        + (
            f"<br>{wording.percent(row.conversion_from_previous)} of previous"
            if row.step_number > 1
            else ""
        )
        for row in steps.itertuples()
    ]
    figure = go.Figure()
    figure.add_bar(
        x=labels,
        y=steps["conversion_from_start"],
        name="Reached the step",
        marker_color=BLUE,
        customdata=steps["users"],
        hovertemplate="%{customdata:,} users reached it",
    )
    figure.add_bar(
        x=labels,
        y=steps["pending_share"],
        name="May still reach it (window open)",
        marker={
            "color": BLUE,
            "opacity": 0.55,
            "line": {"width": 0},
            "pattern": {"shape": HATCH, "fgcolor": BLUE, "bgcolor": "rgba(0,0,0,0)"},
        },
        customdata=steps["pending_users"],
        hovertemplate="%{customdata:,} users may still reach it",
    )
    figure.add_bar(
        x=labels,
        y=steps["dropped_share"],
        name="Dropped out before it",
        marker={"color": FAINT, "line": {"width": 0}},
        customdata=steps["dropped_users"],
        hovertemplate="%{customdata:,} users dropped out",
    )
    figure.add_scatter(
        x=labels,
        y=steps["matured_conversion"].where(steps["step_number"] > 1),
        name="Conversion where the window has closed, 95% interval",
        mode="markers",
        marker={
            "color": ORANGE,
            "size": 9,
            "symbol": "diamond",
            "line": {"color": "#ffffff", "width": 1},
        },
        error_y=errors(steps, "matured_conversion"),
        customdata=steps[["ci_low", "ci_high", "matured_entrants"]],
        hovertemplate=(
            "%{y:.1%} converted (%{customdata[0]:.1%} to %{customdata[1]:.1%}) "
            "of %{customdata[2]:,} users whose window has closed"
        ),
    )
    figure.update_layout(barmode="stack", bargap=0.3)
    figure = laid_out(figure, height=430, y_title="Share of those who entered")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.04])
    return figure


def funnel_by_value(steps: pd.DataFrame, values: Sequence[str]) -> go.Figure:
    """Matured conversion from the start, step by step, values side by side."""
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        rows = steps[steps["segment_value"] == segment_value]
        figure.add_bar(
            x=[name_text(step) for step in rows["step_name"]],
            y=rows["matured_conversion"],
            name=value_text(segment_value),
            marker_color=color_of(index, segment_value),
            error_y=errors(rows, "matured_conversion"),
            customdata=rows[["matured_users", "matured_entrants"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    figure.update_layout(barmode="group", bargap=0.2, bargroupgap=0.06)
    figure = laid_out(figure, height=380, y_title="Conversion from start")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def drop_out(rows: pd.DataFrame, values: Sequence[str]) -> go.Figure:
    """Between which steps users stop, values side by side."""
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        chosen = rows[rows["segment_value"] == segment_value]
        figure.add_bar(
            x=[
                f"{name_text(row.previous_step_name)} → {name_text(row.step_name)}"
                for row in chosen.itertuples()
            ],
            y=chosen["stopped_rate"],
            name=value_text(segment_value),
            marker_color=color_of(index, segment_value),
            error_y=errors(chosen, "stopped_rate"),
            customdata=chosen[["stopped_users", "reached_users"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.06)
    figure = laid_out(figure, height=340, y_title="Share that went no further")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
