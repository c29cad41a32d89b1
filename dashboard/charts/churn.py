"""Who is likely to leave, and how far to trust that."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    BANDS,
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    Series,
    color_of,
    errors,
    laid_out,
    name_text,
    wrapped,
)


def risk_distribution(rows: pd.DataFrame, height: int) -> go.Figure:
    """How many users have which risk, in steps of five percentage points."""
    figure = go.Figure()
    for band in ("low", "medium", "high"):
        chosen = rows[rows["risk_band"] == band]
        figure.add_bar(
            x=chosen["risk_from"] + 0.025,
            y=chosen["users"],
            width=0.046,
            name=f"{wording.name(band)} risk",
            marker_color=BANDS[band],
            customdata=chosen["risk_from"] + 0.05,
            hovertemplate=(
                "%{y:,} users with a risk up to %{customdata:.0%}<extra></extra>"
            ),
        )
    figure.update_layout(barmode="stack")
    figure = laid_out(figure, height=height, y_title="Users", is_unified=False)
    figure.update_xaxes(
        tickformat=".0%", range=[0, 1], dtick=0.1, title="Probability of being gone"
    )
    return figure


def reasons(rows: pd.DataFrame, height: int) -> go.Figure:
    """What raises the risk of high-risk users, and how often it does of others."""
    rows = rows[::-1]
    labels = [wrapped(wording.reason(reason), 32) for reason in rows["reason"]]
    figure = go.Figure()
    for column, label, color in (
        ("other_share", "Other users", GREY),
        ("high_share", "High-risk users", BANDS["high"]),
    ):
        figure.add_bar(
            y=labels,
            x=rows[column],
            orientation="h",
            name=label,
            marker_color=color,
            hovertemplate="%{x:.0%}",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure = laid_out(figure, height=height, hover="y unified")
    figure.update_layout(legend_traceorder="reversed")
    figure.update_xaxes(
        tickformat=".0%", rangemode="tozero", title="Share with this reason"
    )
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def behaviors(rows: pd.DataFrame) -> go.Figure:
    """Share gone among users with and without each event, the largest gaps outside."""
    rows = rows[::-1]
    labels = [name_text(event) for event in rows["event_name"]]
    figure = go.Figure()
    for row, label in zip(rows.itertuples(), labels, strict=True):
        figure.add_scatter(
            x=[row.gone_with, row.gone_without],
            y=[label, label],
            mode="lines",
            line={"color": FAINT, "width": 4},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=rows["gone_without"],
        y=labels,
        mode="markers",
        name="Did not do it",
        marker={"size": 10, "color": GREY, "symbol": "circle-open", "line_width": 2},
        hovertemplate="%{x:.1%} gone",
    )
    figure.add_scatter(
        x=rows["gone_with"],
        y=labels,
        mode="markers",
        name="Did it in the 28 days before",
        marker={"size": 10, "color": ORANGE},
        customdata=rows["users"],
        hovertemplate="%{x:.1%} gone of %{customdata:,} users",
    )
    figure = laid_out(figure, height=110 + 24 * len(rows), hover="y unified")
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title="Share gone")
    figure.update_yaxes(type="category", dtick=1, range=[-0.6, len(rows) - 0.4])
    return figure


QUALITY = {
    "roc_auc": ("Ranking (AUC)", "higher is better", ".2f"),
    "pr_auc": ("Average precision", "higher is better", ".2f"),
    "lift_at_10": ("Lift in the riskiest 10%", "higher is better", ".1f"),
    "log_loss": ("Log loss", "lower is better", ".2f"),
}


def model_quality(metrics: pd.DataFrame, metric: str) -> go.Figure:
    """The model beside simpler rules, by one metric on a scale of its own."""
    title, note, number = QUALITY[metric]
    figure = go.Figure()
    for model, color in (
        ("base_rate", GREY),
        ("recency_rule", ORANGE),
        ("shipped", BLUE),
    ):
        chosen = metrics[(metrics["metric"] == metric) & (metrics["model"] == model)]
        figure.add_scatter(
            x=chosen["value"],
            y=[wording.MODELS[model]] * len(chosen),
            mode="markers+text",
            text=[f"{metric_value:{number}}" for metric_value in chosen["value"]],
            textposition="top center",
            marker={"size": 11, "color": color},
            error_x=errors(chosen, "value"),
            customdata=chosen[["ci_low", "ci_high"]],
            hovertemplate=(
                f"%{{y}}: %{{x:{number}}} (%{{customdata[0]:{number}}} to "
                f"%{{customdata[1]:{number}}})<extra></extra>"
            ),
            showlegend=False,
        )
    figure = laid_out(figure, height=220, is_unified=False)
    figure.update_layout(margin={"t": 8})
    figure.update_yaxes(type="category", showgrid=True, range=[-0.5, 2.65])
    figure.update_xaxes(nticks=4, title=f"{title}<br>{note}")
    return figure


def calibration(rows: pd.DataFrame, level: str) -> go.Figure:
    """Predicted and realised shares of the test's scores, with intervals."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"},
        name="As predicted",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=rows["predicted_rate"],
        y=rows["churned_rate"],
        mode="markers",
        name=f"A tenth of the scores, {level} interval",
        marker={"size": 9, "color": BLUE},
        error_y=errors(rows, "churned_rate"),
        customdata=rows[["rows"]],
        hovertemplate=(
            "predicted %{x:.1%}, gone %{y:.1%} of %{customdata[0]:,}<extra></extra>"
        ),
    )
    figure = laid_out(figure, height=340, y_title="Share gone", is_unified=False)
    figure.update_xaxes(title="Predicted", tickformat=".0%", range=[0, 1])
    return figure.update_yaxes(tickformat=".0%", range=[0, 1])


def thresholds(rows: pd.DataFrame, contacted_percent: int) -> go.Figure:
    """How many of those who leave are among the riskiest, and how many of them leave."""
    figure = go.Figure()
    for column, name, color in (
        ("capture", "Of all who leave, reached", BLUE),
        ("precision", "Of those contacted, leaving", ORANGE),
    ):
        figure.add_scatter(
            x=rows["contacted_percent"] / 100,
            y=rows[column],
            mode="lines",
            name=name,
            line={"color": color, "width": 2},
            hovertemplate="%{y:.1%}",
        )
    figure.add_vline(x=contacted_percent / 100, line={"color": GREY, "dash": "dot"})
    figure = laid_out(figure, height=340, y_title="Share")
    figure.update_xaxes(title="Contacted, the riskiest first", tickformat=".0%")
    return figure.update_yaxes(tickformat=".0%", range=[0, 1.02])


def survival(curves: Series) -> go.Figure:
    """The share of users who came back by each day, a step line per label, with band."""
    figure = go.Figure()
    for index, (label, curve) in enumerate(curves.items()):
        color = color_of(index, label)
        band = curve.dropna(subset=["ci_low", "ci_high"])
        figure.add_scatter(
            x=[*band["day"], *band["day"][::-1]],
            y=[*band["ci_high"], *band["ci_low"][::-1]],
            fill="toself",
            fillcolor=color,
            opacity=0.12,
            line={"width": 0},
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            legendgroup=label,
        )
        figure.add_scatter(
            x=curve["day"],
            y=curve["returned_rate"],
            mode="lines",
            line={"color": color, "width": 2, "shape": "hv"},
            name=wording.plain(label),
            legendgroup=label,
            customdata=curve[["at_risk_users"]],
            hovertemplate="%{y:.1%} back (%{customdata[0]:,} still away before)",
        )
    figure = laid_out(figure, height=340, y_title="Share back by then")
    figure.update_xaxes(title="Days after they were looked at", dtick=7)
    return figure.update_yaxes(tickformat=".0%", range=[0, 1])
