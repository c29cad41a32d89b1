"""Plotly figures of one look: one palette, and what is not known yet drawn apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import wording

# Told apart with every common colour blindness, the first ones best; each has a
# contrast of 3:1 or more on the light and on the dark background.
PALETTE = (
    "#2f7fd1",  # blue
    "#d9730d",  # orange
    "#149b74",  # green
    "#c2569b",  # magenta
    "#3c9fc4",  # sky
    "#a9792b",  # ochre
    "#8a6fd1",  # violet
    "#7b8794",  # grey
)
BLUE, ORANGE, GREEN, MAGENTA, SKY, OCHRE, VIOLET, GREY = PALETTE
# Lines are told apart without colour, too.
SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "x",
    "cross",
    "star",
    "hexagon",
)
BANDS = {"low": BLUE, "medium": OCHRE, "high": "#d1495b", "unknown": GREY}
# Light enough for dark text in every cell, in both themes.
SCALE = ((0, "#eef5fc"), (0.5, "#a5cbee"), (1, "#4d94db"))
ON_SCALE = "#0f2136"
NOT_COMPLETE = "rgba(123, 135, 148, 0.18)"
FAINT = "rgba(123, 135, 148, 0.35)"
HATCH = "/"
NOT_SET = "(not set)"
ROW_HEIGHT = 26

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}

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
        _add_line(
            figure,
            days["activity_date"],
            days[measure],
            days[f"is_full_{measure}"],
            name=MEASURES[measure],
            color=(GREEN, ORANGE, BLUE)[index],
            hover="%{y:,}",
        )
    _note_dotted(figure, days, ("dau", "wau", "mau"))
    figure = _laid_out(figure, height=340, y_title="Users")
    return _from_first_to_last_day(figure, days)


def measure_by_value(
    days: pd.DataFrame, measure: str, values: Sequence[str]
) -> go.Figure:
    """One measure of engagement by day, a line for each value of a segment."""
    is_rate = measure == "stickiness"
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        rows = days[days["segment_value"] == segment_value]
        _add_line(
            figure,
            rows["activity_date"],
            rows[measure],
            rows[f"is_full_{measure}"],
            name=_value(segment_value),
            color=_color(index, segment_value),
            hover="%{y:.1%}" if is_rate else "%{y:,}",
        )
    _note_dotted(figure, days, (measure,))
    figure = _laid_out(
        figure, height=320, y_title=MEASURES[measure] if is_rate else "Users"
    )
    if is_rate:
        figure.update_yaxes(tickformat=".0%")
    return _from_first_to_last_day(figure, days)


def lifecycle(rows: pd.DataFrame, period: str) -> go.Figure:
    """Where active users come from, above zero, and where they go, below it."""
    states = (
        ("returning_users", "Returning", BLUE, 1),
        ("resurrected_users", "Resurrected", ORANGE, 1),
        ("new_users", "New", GREEN, 1),
        ("dormant_users", "Dormant", GREY, -1),
    )
    is_complete = rows["is_complete"].astype(bool)
    figure = go.Figure()
    for column, label, color, sign in states:
        users = rows[column]
        if column == "dormant_users":
            # Whoever has not come back yet would count as gone.
            users = users.where(is_complete)
        figure.add_bar(
            x=rows["period_start"],
            y=users * sign,
            name=label,
            customdata=users,
            marker={
                "color": color,
                "line": {"width": 0},
                "pattern": {
                    "shape": ["" if full else HATCH for full in is_complete],
                    "fillmode": "replace",
                    "size": 6,
                },
            },
            hovertemplate="%{customdata:,}",
        )
    if not is_complete.all():
        _legend_only(figure, "Not over yet", hatched=True)
    figure.update_layout(barmode="relative", bargap=0.12)
    figure = _laid_out(figure, height=340, y_title="Users")
    figure.update_xaxes(hoverformat="%B %Y" if period == "month" else "%-d %b %Y")
    return figure


def funnel(steps: pd.DataFrame) -> go.Figure:
    """Of all who entered: who reached each step, who may still, who dropped out."""
    labels = [
        f"<b>{_name(row.step_name)}</b><br>{wording.counted(row.users, 'user')}<br>"
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
        error_y=_errors(steps, "matured_conversion"),
        customdata=steps[["ci_low", "ci_high", "matured_entrants"]],
        hovertemplate=(
            "%{y:.1%} converted (%{customdata[0]:.1%} to %{customdata[1]:.1%}) "
            "of %{customdata[2]:,} users whose window has closed"
        ),
    )
    figure.update_layout(barmode="stack", bargap=0.3)
    figure = _laid_out(figure, height=430, y_title="Share of those who entered")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.04])
    return figure


def funnel_by_value(steps: pd.DataFrame, values: Sequence[str]) -> go.Figure:
    """Matured conversion from the start, step by step, values side by side."""
    figure = go.Figure()
    for index, segment_value in enumerate(values):
        rows = steps[steps["segment_value"] == segment_value]
        figure.add_bar(
            x=[_name(step) for step in rows["step_name"]],
            y=rows["matured_conversion"],
            name=_value(segment_value),
            marker_color=_color(index, segment_value),
            error_y=_errors(rows, "matured_conversion"),
            customdata=rows[["matured_users", "matured_entrants"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    figure.update_layout(barmode="group", bargap=0.2, bargroupgap=0.06)
    figure = _laid_out(figure, height=380, y_title="Conversion from start")
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
                f"{_name(row.previous_step_name)} → {_name(row.step_name)}"
                for row in chosen.itertuples()
            ],
            y=chosen["stopped_rate"],
            name=_value(segment_value),
            marker_color=_color(index, segment_value),
            error_y=_errors(chosen, "stopped_rate"),
            customdata=chosen[["stopped_users", "reached_users"]],
            hovertemplate="%{y:.1%}, %{customdata[0]:,} of %{customdata[1]:,} users",
        )
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.06)
    figure = _laid_out(figure, height=340, y_title="Share that went no further")
    figure.update_xaxes(type="category", tickangle=0)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


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
    figure = _laid_out(figure, height=height, is_unified=False)
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
        color = _color(index, segment_value)
        label = "Retention" if is_one else _value(segment_value)
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
    figure = _laid_out(figure, height=380, y_title="Share of users retained")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(
        title=f"{unit}s since the cohort's own",
        **_whole_periods(last),
        range=[-0.02 * last - 0.1, 1.02 * last + 0.1],
        unifiedhovertitle={"text": f"{unit} %{{x}}"},
    )
    return figure


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
    figure = _laid_out(figure, height=height, y_title="Users", is_unified=False)
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
    figure = _laid_out(figure, height=height, hover="y unified")
    figure.update_layout(legend_traceorder="reversed")
    figure.update_xaxes(
        tickformat=".0%", rangemode="tozero", title="Share with it among their reasons"
    )
    figure.update_yaxes(type="category", showgrid=False)
    return figure


def behaviors(rows: pd.DataFrame) -> go.Figure:
    """Share gone among users with and without each event, the largest gaps outside."""
    rows = rows[::-1]
    labels = [_name(event) for event in rows["event_name"]]
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
    figure = _laid_out(figure, height=110 + 24 * len(rows), hover="y unified")
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
                error_x=_errors(chosen, "value"),
                customdata=chosen[["ci_low", "ci_high"]],
                hovertemplate=(
                    f"%{{y}}: %{{x:{number}}} (%{{customdata[0]:{number}}} to "
                    f"%{{customdata[1]:{number}}})<extra></extra>"
                ),
                showlegend=False,
                row=1,
                col=column,
            )
    figure = _laid_out(figure, height=250, is_unified=False)
    figure.update_layout(margin={"t": 56, "b": 36})
    figure.update_annotations(font_size=13)
    figure.update_yaxes(type="category", showgrid=True, range=[-0.5, 2.65])
    figure.update_xaxes(nticks=4)
    return figure


def _from_first_to_last_day(figure: go.Figure, days: pd.DataFrame) -> go.Figure:
    """Without the room at both ends that markers would get, and users from zero."""
    first, last = days["activity_date"].min(), days["activity_date"].max()
    margin = (last - first) * 0.01
    figure.update_xaxes(range=[first - margin, last + margin])
    return figure.update_yaxes(rangemode="tozero")


def _add_line(
    figure: go.Figure,
    x: pd.Series,
    y: pd.Series,
    is_full: pd.Series,
    *,
    name: str,
    color: str,
    hover: str,
) -> None:
    """A line, solid where its numbers are full and dotted where they are not yet."""
    is_full = is_full.astype(bool)
    if not is_full.all():
        # The dotted part begins and ends on the solid one, else there is a gap.
        is_border = is_full & ~(
            is_full.shift(1, fill_value=True) & is_full.shift(-1, fill_value=True)
        )
        figure.add_scatter(
            x=x,
            y=y.where(~is_full | is_border),
            mode="lines",
            line={"color": color, "width": 1.5, "dash": "dot"},
            legendgroup=name,
            showlegend=False,
            name=name,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=x,
            y=y.where(~is_full),
            mode="markers",
            marker={"opacity": 0, "color": color},
            legendgroup=name,
            showlegend=False,
            name=name,
            hovertemplate=f"{hover} (not full)",
        )
    figure.add_scatter(
        x=x,
        y=y.where(is_full),
        mode="lines",
        line={"color": color, "width": 2},
        legendgroup=name,
        name=name,
        hovertemplate=hover,
    )


def _note_dotted(
    figure: go.Figure, rows: pd.DataFrame, measures: Sequence[str]
) -> None:
    if not all(rows[f"is_full_{measure}"].all() for measure in measures):
        _legend_only(figure, "Day or window not full", hatched=False)


def _legend_only(figure: go.Figure, label: str, *, hatched: bool) -> None:
    if hatched:
        figure.add_bar(
            x=[None],
            y=[None],
            name=label,
            marker={
                "color": "rgba(0,0,0,0)",
                "line": {"width": 0},
                "pattern": {"shape": HATCH, "fgcolor": GREY},
            },
        )
    else:
        figure.add_scatter(
            x=[None],
            y=[None],
            name=label,
            mode="lines",
            line={"color": GREY, "width": 1.5, "dash": "dot"},
        )


def _errors(rows: pd.DataFrame, column: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["ci_high"] - rows[column]).clip(lower=0),
        "arrayminus": (rows[column] - rows["ci_low"]).clip(lower=0),
        "thickness": 1.5,
        "width": 4,
        "color": GREY,
    }


def _laid_out(
    figure: go.Figure,
    *,
    height: int,
    y_title: str | None = None,
    is_unified: bool = True,
    hover: str = "x unified",
) -> go.Figure:
    """The look of all figures; Streamlit's theme gives fonts and backgrounds."""
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 36, "b": 0},
        hovermode=hover if is_unified else "closest",
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "xanchor": "left",
            "x": 0,
            "title": None,
            "traceorder": "normal",
        },
        title=None,
        separators=".,",
    )
    figure.update_xaxes(automargin=True, showgrid=False)
    figure.update_yaxes(automargin=True, title=y_title, zerolinewidth=1, tickformat=",")
    return figure


def _color(index: int, segment_value: str) -> str:
    """The color of a value; users without one stand back."""
    return GREY if segment_value == NOT_SET else PALETTE[index % (len(PALETTE) - 1)]


def _name(text: str) -> str:
    return wording.plain(wording.name(text))


def _value(text: str) -> str:
    return wording.plain(wording.value(text))


def _wrapped(text: str, width: int) -> str:
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(wording.plain(line) for line in lines)


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
