"""Who is likely to leave, and how far to trust that."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import wording
from dashboard.charts.common import (
    BANDS,
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    errors,
    laid_out,
    name_text,
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
    labels = [_wrapped(wording.reason(reason), 46) for reason in rows["reason"]]
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
        tickformat=".0%", rangemode="tozero", title="Share with it among their reasons"
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


def model_quality(metrics: pd.DataFrame) -> go.Figure:
    """The model beside simpler rules, each metric on its own scale, 95 % intervals."""
    models = ("base_rate", "recency_rule", "logistic")
    colors = {"base_rate": GREY, "recency_rule": ORANGE, "logistic": BLUE}
    figure = make_subplots(
        rows=1,
        cols=len(QUALITY),
        shared_yaxes=True,
        horizontal_spacing=0.035,
        subplot_titles=[
            f"{title}<br><span style='font-size:11px'>{note}</span>"
            for title, note, _ in QUALITY.values()
        ],
    )
    for column, (metric, (_, _, number)) in enumerate(QUALITY.items(), start=1):
        for model in models:
            chosen = metrics[
                (metrics["metric"] == metric) & (metrics["model"] == model)
            ]
            figure.add_scatter(
                x=chosen["value"],
                y=[wording.MODELS[model]] * len(chosen),
                mode="markers+text",
                text=[f"{metric_value:{number}}" for metric_value in chosen["value"]],
                textposition="top center",
                marker={"size": 11, "color": colors[model]},
                error_x=errors(chosen, "value"),
                customdata=chosen[["ci_low", "ci_high"]],
                hovertemplate=(
                    f"%{{y}}: %{{x:{number}}} (%{{customdata[0]:{number}}} to "
                    f"%{{customdata[1]:{number}}})<extra></extra>"
                ),
                showlegend=False,
                row=1,
                col=column,
            )
    figure = laid_out(figure, height=250, is_unified=False)
    figure.update_layout(margin={"t": 56, "b": 36})
    figure.update_annotations(font_size=13)
    figure.update_yaxes(type="category", showgrid=True, range=[-0.5, 2.65])
    figure.update_xaxes(nticks=4)
    return figure


def _wrapped(text: str, width: int) -> str:
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(wording.plain(line) for line in lines)
