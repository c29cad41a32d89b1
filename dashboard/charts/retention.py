"""How many of those who started together come back."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    FADED,
    GREY,
    NOT_COMPLETE,
    ON_SCALE,
    SCALE,
    SMALL_GROUP,
    SYMBOLS,
    Series,
    all_of,
    color_of,
    errors,
    laid_out,
    note_small,
    opacities,
)

ROW_HEIGHT = 26


def heat_map(cells: pd.DataFrame, period: str) -> go.Figure:
    """Cohorts as rows, periods as columns; cells not over yet are grey and starred."""
    grid = cells.set_index(["cohort_start", "period_number"]).unstack()
    rates, told = grid["retention_rate"], grid[["retained_users", "cohort_users"]]
    is_complete = grid["is_complete"].astype("boolean").fillna(False).astype(bool)
    sizes = cells.groupby("cohort_start")["cohort_users"].first()
    unit = wording.PERIODS[period]
    shared = {
        "x": list(rates.columns),
        "y": [_row_label(start, sizes[start], period) for start in rates.index],
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "texttemplate": "%{text}",
        "hoverongaps": False,
        "customdata": told.to_numpy().reshape(len(rates), 2, -1).swapaxes(1, 2),
    }
    count = "%{customdata[0]:,} of %{customdata[1]:,} users"
    later = rates.loc[:, rates.columns > 0].where(is_complete)
    highest = later.max().max()
    figure = go.Figure()
    figure.add_heatmap(
        z=rates.where(is_complete),
        zmin=0,
        zmax=highest if highest and highest > 0 else 1,
        colorscale=SCALE,
        text=_cell_texts(rates.where(is_complete), ""),
        textfont={"color": ON_SCALE},
        hovertemplate=f"%{{y}}<br>{unit} %{{x}}: %{{z:.1%}}, {count}<extra></extra>",
        **shared,
    )
    figure.add_heatmap(
        z=rates.mask(is_complete),
        zmin=0,
        zmax=1,
        colorscale=((0, NOT_COMPLETE), (1, NOT_COMPLETE)),
        text=_cell_texts(rates.mask(is_complete), "*"),
        textfont={"color": GREY},
        hovertemplate=(
            f"%{{y}}<br>{unit} %{{x}} is not over yet: %{{z:.1%}} so far, "
            f"{count}<extra></extra>"
        ),
        **shared,
    )
    height = 90 + ROW_HEIGHT * len(rates)
    figure = laid_out(figure, height=height, is_unified=False)
    figure.update_layout(margin_t=30, showlegend=False)
    figure.update_xaxes(
        side="top",
        title=f"{unit}s since the cohort's own",
        **_whole_periods(int(rates.columns.max())),
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    figure.update_yaxes(
        autorange="reversed", type="category", showgrid=False, dtick=1, ticks=""
    )
    return figure


def _row_label(start: pd.Timestamp, users: int, period: str) -> str:
    """The cohort and its size, in italics where it is small."""
    when = f"{start:%b %Y}" if period == "month" else wording.day(start)
    label = f"{when}  ({wording.count(users)})"
    return label if users >= SMALL_GROUP else f"<i>{label}</i>"


def retention_curve(rows: Series, period: str, level: str) -> go.Figure:
    """Retention by period with its interval as a band, a line for each compared."""
    unit = wording.PERIODS[period]
    is_one = len(rows) == 1
    last = int(all_of(rows, "period_number").max())
    figure = go.Figure()
    for index, (label, curve) in enumerate(rows.items()):
        color = color_of(index, label)
        name = "Retention" if is_one else wording.plain(label)
        is_small = curve["cohort_users"] < SMALL_GROUP
        known = curve[~is_small]
        figure.add_scatter(
            x=pd.concat([known["period_number"], known["period_number"][::-1]]),
            y=pd.concat([known["ci_high"], known["ci_low"][::-1]]),
            fill="toself",
            fillcolor=color,
            opacity=0.2,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=None if is_one else name,
            showlegend=is_one,
            name=f"{level} interval",
        )
        for some, mode, opacity in (
            (known, "lines+markers", 1),
            (curve[is_small], "markers", FADED),
        ):
            figure.add_scatter(
                x=some["period_number"],
                y=some["retention_rate"],
                mode=mode,
                line={"color": color, "width": 2},
                marker={
                    "size": 6 if len(curve) < 40 else 4,
                    "symbol": SYMBOLS[index % len(SYMBOLS)],
                    "color": color,
                    "opacity": opacity,
                },
                name=name,
                legendgroup=None if is_one else name,
                showlegend=mode != "markers",
                customdata=some[["cohort_users", "cohorts", "ci_low", "ci_high"]],
                hovertemplate=(
                    "%{y:.1%} (%{customdata[2]:.1%} to %{customdata[3]:.1%}), "
                    "%{customdata[0]:,} users in %{customdata[1]:,} cohorts"
                ),
            )
    note_small(figure, all_of(rows, "cohort_users"))
    figure = laid_out(figure, height=380, y_title="Share of users retained")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(
        title=f"{unit}s since the cohort's own",
        **_whole_periods(last),
        range=[-0.02 * last - 0.1, 1.02 * last + 0.1],
        unifiedhovertitle={"text": f"{unit} %{{x}}"},
    )
    return figure


def brackets(rows: Series, period: str) -> go.Figure:
    """Who was active in any period of a bracket, side by side."""
    unit = wording.PERIODS[period].lower()
    figure = go.Figure()
    for index, (label, of) in enumerate(rows.items()):
        figure.add_bar(
            x=[bracket_label(row, unit) for row in of.itertuples()],
            y=of["retention_rate"],
            name=wording.plain(label),
            showlegend=len(rows) > 1,
            marker={
                "color": color_of(index, label),
                "line": {"width": 0},
                "opacity": opacities(of["cohort_users"]),
            },
            error_y=errors(of, "retention_rate"),
            customdata=of[["retained_users", "cohort_users", "cohorts"]],
            hovertemplate=(
                "%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users "
                "in %{customdata[2]:,} cohorts"
            ),
        )
    note_small(figure, all_of(rows, "cohort_users"))
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.06)
    figure = laid_out(figure, height=320, y_title="Share of users retained")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def bracket_label(row: object, unit: str) -> str:
    """`Days 1 to 3`, or of one period `Day 0`."""
    first, last = row.first_period_number, row.last_period_number
    name = wording.sentence(unit)
    return f"{name} {first}" if first == last else f"{name}s {first} to {last}"


def _whole_periods(last: int) -> dict[str, int]:
    """Ticks at whole numbers; of many, as many as there is room for."""
    return {"dtick": next((step for step in (1, 2, 5) if last <= 13 * step), 10)}


def _cell_texts(rates: pd.DataFrame, mark: str) -> list[list[str]]:
    """Whole percents, nothing where there is no rate."""
    return [
        ["" if wording.is_missing(rate) else f"{rate * 100:.0f}{mark}" for rate in row]
        for row in rates.to_numpy()
    ]
