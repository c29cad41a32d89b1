"""How many of those who started together come back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    GREY,
    NOT_COMPLETE,
    ON_SCALE,
    SCALE,
    SYMBOLS,
    color_of,
    laid_out,
    value_text,
)

ROW_HEIGHT = 26


def retention_heat_map(cells: pd.DataFrame, period: str) -> go.Figure:
    """Cohorts as rows, periods as columns; cells not over yet are grey and starred."""
    rates = cells.pivot(
        index="cohort_start", columns="period_number", values="retention_rate"
    )
    is_complete = (
        cells.pivot(index="cohort_start", columns="period_number", values="is_complete")
        .astype("boolean")
        .fillna(False)
        .astype(bool)
    )
    sizes = cells.groupby("cohort_start")["cohort_users"].first()
    labels = [
        f"{_cohort(start, period)}  ({wording.count(sizes[start])})"
        for start in rates.index
    ]
    later = rates.loc[:, rates.columns > 0].where(is_complete)
    highest = later.max().max()
    unit = wording.PERIODS[period]
    shared = {"x": list(rates.columns), "y": labels, "xgap": 2, "ygap": 2}
    font = {"size": 11 if len(rates.columns) <= 20 else 10}
    figure = go.Figure()
    figure.add_heatmap(
        z=rates.where(is_complete),
        zmin=0,
        zmax=highest if highest and highest > 0 else 1,
        colorscale=SCALE,
        showscale=False,
        texttemplate="%{text}",
        text=_cell_texts(rates.where(is_complete), ""),
        textfont={**font, "color": ON_SCALE},
        hoverongaps=False,
        hovertemplate=f"%{{y}}<br>{unit} %{{x}}: %{{z:.1%}}<extra></extra>",
        **shared,
    )
    figure.add_heatmap(
        z=rates.mask(is_complete),
        zmin=0,
        zmax=1,
        colorscale=((0, NOT_COMPLETE), (1, NOT_COMPLETE)),
        showscale=False,
        texttemplate="%{text}",
        text=_cell_texts(rates.mask(is_complete), "*"),
        textfont={**font, "color": GREY},
        hoverongaps=False,
        hovertemplate=(
            f"%{{y}}<br>{unit} %{{x}} is not over yet: %{{z:.1%}} so far<extra></extra>"
        ),
        **shared,
    )
    height = 90 + ROW_HEIGHT * len(labels)
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


def retention_curve(
    rows: pd.DataFrame, period: str, values: Sequence[str]
) -> go.Figure:
    """Retention by period with its 95 % interval as a band, a line for each value."""
    unit = wording.PERIODS[period]
    is_one = len(values) == 1
    last = int(rows["period_number"].max())
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        curve = rows[rows["segment_value"] == segment_value]
        color = color_of(index, segment_value)
        label = "Retention" if is_one else value_text(segment_value)
        periods = curve["period_number"]
        figure.add_scatter(
            x=pd.concat([periods, periods[::-1]]),
            y=pd.concat([curve["ci_high"], curve["ci_low"][::-1]]),
            fill="toself",
            fillcolor=color,
            opacity=0.2,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=None if is_one else label,
            showlegend=is_one,
            name="95% interval",
        )
        figure.add_scatter(
            x=periods,
            y=curve["retention_rate"],
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={
                "size": 6 if len(curve) < 40 else 4,
                "symbol": SYMBOLS[index % len(SYMBOLS)],
            },
            name=label,
            legendgroup=None if is_one else label,
            customdata=curve[["cohort_users", "cohorts", "ci_low", "ci_high"]],
            hovertemplate=(
                "%{y:.1%} (%{customdata[2]:.1%} to %{customdata[3]:.1%}), "
                "%{customdata[0]:,} users in %{customdata[1]:,} cohorts"
            ),
        )
    figure = laid_out(figure, height=380, y_title="Share of users retained")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(
        title=f"{unit}s since the cohort's own",
        **_whole_periods(last),
        range=[-0.02 * last - 0.1, 1.02 * last + 0.1],
        unifiedhovertitle={"text": f"{unit} %{{x}}"},
    )
    return figure


def _whole_periods(last: int) -> dict[str, int]:
    """Ticks at whole numbers; of many, as many as there is room for."""
    return {"dtick": 1} if last <= 12 else {"nticks": 30}


def _cohort(start: pd.Timestamp, period: str) -> str:
    return f"{start:%b %Y}" if period == "month" else wording.day(start)


def _cell_texts(rates: pd.DataFrame, mark: str) -> list[list[str]]:
    """Whole percents, nothing where there is no rate."""
    return [
        ["" if wording.is_missing(rate) else f"{rate * 100:.0f}{mark}" for rate in row]
        for row in rates.to_numpy()
    ]
