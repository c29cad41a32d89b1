"""How far people get, how long it takes them, and where they drop out."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BLUE,
    FAINT,
    HATCH,
    ORANGE,
    Series,
    add_rates,
    all_of,
    color_of,
    errors,
    laid_out,
    legend_only,
    note_small,
    opacities,
    wrapped,
)
from dashboard.charts.lifecycle import hover_of

STEP_HEIGHT = 84
# In characters: of a label beside a bar, and of one below it.
LABEL_WIDTH, TICK_WIDTH = 20, 13
# Ticks of a time axis that one would choose, in seconds.
TIME_TICKS = (60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400)
MOST_TICKS = 8


def funnel(steps: pd.DataFrame, level: str) -> go.Figure:
    """Of all who entered: who reached each step, who may still, who dropped out."""
    steps = steps[::-1]
    labels = [_told_step(row) for row in steps.itertuples()]
    figure = go.Figure()
    figure.add_bar(
        y=labels,
        x=steps["conversion_from_start"],
        orientation="h",
        name="Reached the step",
        marker={"color": BLUE, "line": {"width": 0}},
        customdata=steps["users"],
        hovertemplate="%{customdata:,} users reached it",
    )
    figure.add_bar(
        y=labels,
        x=steps["pending_share"],
        orientation="h",
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
        y=labels,
        x=steps["dropped_share"],
        orientation="h",
        name="Dropped out before it",
        marker={"color": FAINT, "line": {"width": 0}},
        customdata=steps["dropped_users"],
        hovertemplate="%{customdata:,} users dropped out",
    )
    figure.add_scatter(
        y=labels,
        x=steps["matured_conversion"].where(steps["step_number"] > 1),
        name=f"Converted, of those who have had their time, {level} interval",
        mode="markers",
        marker={
            "color": ORANGE,
            "size": 9,
            "symbol": "diamond",
            "line": {"color": "#ffffff", "width": 1},
        },
        error_x=errors(steps, "matured_conversion"),
        customdata=steps[["ci_low", "ci_high", "matured_entrants"]],
        hovertemplate=(
            "%{x:.1%} converted (%{customdata[0]:.1%} to %{customdata[1]:.1%}) "
            "of %{customdata[2]:,} users whose window has closed"
        ),
    )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure = laid_out(figure, height=110 + STEP_HEIGHT * len(steps), hover="y unified")
    figure.update_xaxes(
        tickformat=".0%",
        range=[0, 1.01],
        title="Share of those who entered",
        showgrid=True,
    )
    figure.update_yaxes(type="category", showgrid=False, ticks="")
    return figure


def _told_step(row: object) -> str:
    """A step with its counts, on lines that are short."""
    lines = [
        f"<b>{wrapped(step_label(row), LABEL_WIDTH)}</b>",
        f"{wording.counted(row.users, 'user')}",
        f"{wording.percent(row.conversion_from_start)} of start",
    ]
    if row.step_number > 1:
        lines.append(f"{wording.percent(row.conversion_from_previous)} of previous")
    return "<br>".join(lines)


def step_label(row: object) -> str:
    """The number and name of a step, and whether it may be left out."""
    name = wording.name(row.step_name) + (" (optional)" if row.is_optional else "")
    return f"{row.step_number}. {name}"


def conversion(rows: Series) -> go.Figure:
    """Matured conversion from the start, step by step, side by side."""
    figure = go.Figure()
    for index, (label, steps) in enumerate(rows.items()):
        figure.add_bar(
            x=[wrapped(step_label(row), TICK_WIDTH) for row in steps.itertuples()],
            y=steps["matured_conversion"],
            name=wording.plain(label),
            marker={
                "color": color_of(index, label),
                "line": {"width": 0},
                "opacity": opacities(steps["matured_entrants"]),
            },
            error_y=errors(steps, "matured_conversion"),
            customdata=steps[["matured_users", "matured_entrants"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    note_small(figure, all_of(rows, "matured_entrants"))
    figure.update_layout(barmode="group", bargap=0.2, bargroupgap=0.06)
    figure = laid_out(figure, height=360, y_title="Conversion from start")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def drop_out(rows: Series) -> go.Figure:
    """Between which steps users stop, side by side."""
    figure = go.Figure()
    later = {label: of[of["drop_out_rate"].notna()] for label, of in rows.items()}
    for index, (label, steps) in enumerate(later.items()):
        figure.add_bar(
            x=[
                wrapped(f"Before {step_label(row)}", TICK_WIDTH)
                for row in steps.itertuples()
            ],
            y=steps["drop_out_rate"],
            name=wording.plain(label),
            marker={
                "color": color_of(index, label),
                "line": {"width": 0},
                "opacity": opacities(steps["matured_previous_users"]),
            },
            error_y=errors(steps, "drop_out_rate", "drop_out_ci_"),
            customdata=steps[["dropped_users", "matured_previous_users"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    note_small(figure, all_of(later, "matured_previous_users"))
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.06)
    figure = laid_out(figure, height=340, y_title="Share that went no further")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def trend(rows: Series, period: str, level: str) -> go.Figure:
    """Conversion by period of entering; where windows are open, hollow."""
    figure = go.Figure()
    for index, (label, periods) in enumerate(rows.items()):
        add_rates(
            figure,
            periods,
            x="period_start",
            rate="matured_conversion",
            n="matured_entrants",
            is_over="is_matured",
            name="Converted" if len(rows) == 1 else wording.plain(label),
            color=color_of(index, label),
            has_errors=len(rows) == 1,
            told=("ci_low", "ci_high", "matured_users", "matured_entrants"),
            hover=(
                "%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%}), "
                "%{customdata[2]:,} of %{customdata[3]:,} users who have had their time"
            ),
        )
    if not all_of(rows, "is_matured").all():
        legend_only(figure, "Some windows are still open", kind="hollow")
    note_small(figure, all_of(rows, "matured_entrants"))
    figure = laid_out(figure, height=460, y_title=f"Converted ({level} interval)")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(hoverformat=hover_of(period))
    return figure


def time_to_convert(bins: pd.DataFrame) -> go.Figure:
    """How many took how long."""
    starts = bins["bin_start"]
    width = starts.iloc[1] - starts.iloc[0] if len(bins) > 1 else 60
    last = starts.iloc[-1] + width
    tick = next((t for t in TIME_TICKS if last / t <= MOST_TICKS), TIME_TICKS[-1])
    ticks = [tick * number for number in range(int(last // tick) + 1)]
    figure = go.Figure()
    figure.add_bar(
        x=starts + width / 2,
        y=bins["users"],
        width=width * 0.96,
        marker={"color": BLUE, "line": {"width": 0}},
        customdata=[
            f"{wording.duration(start)} to {wording.duration(start + width)}"
            for start in starts
        ],
        hovertemplate="%{y:,} users took %{customdata}<extra></extra>",
        showlegend=False,
    )
    figure = laid_out(figure, height=300, y_title="Users", is_unified=False)
    figure.update_xaxes(
        title="Time taken",
        tickvals=ticks,
        ticktext=[wording.duration(at) if at else "0" for at in ticks],
        range=[min(0, starts.iloc[0]), last],
    )
    return figure
