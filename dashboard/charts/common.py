"""The look of all figures: one palette, and what is not known yet drawn apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording

# What is told apart in one figure: rows by the label of what they are of.
Series = Mapping[str, pd.DataFrame]

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
NOT_SET = ("(not set)", wording.SPECIAL_VALUES["(not set)"])

# Groups below this are noise when their rates are compared.
SMALL_GROUP = 20
FADED = 0.35


def config(name: str) -> dict[str, object]:
    """How a figure behaves: it can be saved as a picture, named by what it shows.

    Days are chosen by the filters, which the URL holds, and not by zooming.
    """
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": name},
    }


def laid_out(
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
        # Dragging would catch a finger that scrolls.
        dragmode=False,
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


def add_line(
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


def note_dotted(figure: go.Figure, rows: pd.DataFrame, measures: Sequence[str]) -> None:
    if not all(rows[f"is_full_{measure}"].all() for measure in measures):
        legend_only(figure, "Day or window not full", kind="dotted")


def legend_only(figure: go.Figure, label: str, *, kind: str) -> None:
    """An entry in the legend for a way of drawing: hatched, dotted or hollow."""
    if kind == "hatched":
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
        return
    figure.add_scatter(
        x=[None],
        y=[None],
        name=label,
        mode="lines" if kind == "dotted" else "markers",
        line={"color": GREY, "width": 1.5, "dash": "dot"},
        marker={"color": GREY, "symbol": "circle-open", "size": 8},
    )


def add_rates(
    figure: go.Figure,
    rows: pd.DataFrame,
    *,
    x: str,
    rate: str,
    n: str,
    is_over: str,
    name: str,
    color: str,
    has_errors: bool,
    hover: str,
    told: Sequence[str],
) -> None:
    """A rate over time: hollow where it is not over yet, faint where it is of few.

    told: columns that the text `hover` names as customdata. What is of few has no
    interval, which would be as wide as the figure, and stands off the line.
    """
    is_small = rows[n] < SMALL_GROUP
    common = {
        "x": rows[x],
        "legendgroup": name,
        "name": name,
        "customdata": rows[list(told)],
        "hovertemplate": hover,
    }
    marker = {
        "size": 7,
        "color": color,
        "symbol": ["circle" if over else "circle-open" for over in rows[is_over]],
    }
    figure.add_scatter(
        y=rows[rate].mask(is_small),
        mode="lines+markers",
        line={"color": color, "width": 2},
        marker=marker,
        error_y=errors(rows.mask(is_small), rate) if has_errors else None,
        **common,
    )
    if is_small.any():
        figure.add_scatter(
            y=rows[rate].where(is_small),
            mode="markers",
            marker={**marker, "opacity": FADED},
            showlegend=False,
            **common,
        )


def errors(rows: pd.DataFrame, column: str, ends: str = "ci_") -> dict[str, object]:
    """Bars of the interval whose ends are the columns <ends>low and <ends>high."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows[f"{ends}high"] - rows[column]).clip(lower=0),
        "arrayminus": (rows[column] - rows[f"{ends}low"]).clip(lower=0),
        "thickness": 1.5,
        "width": 4,
        "color": GREY,
    }


def color_of(index: int, label: str) -> str:
    """The color of a series; users without a value stand back."""
    return GREY if label in NOT_SET else PALETTE[index % (len(PALETTE) - 1)]


def name_text(text: str) -> str:
    return wording.plain(wording.name(text))


def wrapped(text: str, width: int) -> str:
    """Text from the data on lines of at most so many characters, or one word."""
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(wording.plain(line) for line in lines)


def value_text(text: str) -> str:
    return wording.plain(wording.value(text))


def opacities(counts: pd.Series) -> list[float]:
    """Faint where a rate is of few."""
    return [1 if count >= SMALL_GROUP else FADED for count in counts]


def note_small(figure: go.Figure, counts: pd.Series) -> None:
    """Says in the legend why something is faint; who is not counted has no number."""
    if (counts < SMALL_GROUP).any():
        figure.add_scatter(
            x=[None],
            y=[None],
            name=f"Fewer than {SMALL_GROUP} users",
            mode="markers",
            marker={"color": FAINT, "size": 11, "symbol": "square"},
        )


def all_of(rows: Series, column: str) -> pd.Series:
    """A column of all series."""
    return pd.concat([one[column] for one in rows.values()])


def same_axis(
    figures: Sequence[go.Figure], axis: Literal["x", "y"] = "y"
) -> Sequence[go.Figure]:
    """Figures that stand side by side, with one scale of values."""
    if len(figures) > 1:
        ends = [_extent(figure, axis) for figure in figures]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        for figure in figures:
            update = figure.update_yaxes if axis == "y" else figure.update_xaxes
            update(range=[1.05 * low, 1.05 * high or 1])
    return figures


def _extent(figure: go.Figure, axis: Literal["x", "y"]) -> tuple[float, float]:
    """The least and the greatest value of a figure's traces, at most and at least 0."""
    values = pd.DataFrame(
        [
            (trace.type, place, value)
            for trace in figure.data
            if trace.x is not None and trace.y is not None
            for place, value in zip(
                *((trace.x, trace.y) if axis == "y" else (trace.y, trace.x)),
                strict=True,
            )
            if not wording.is_missing(value)
        ],
        columns=["type", "place", "value"],
    )
    is_stacked = figure.layout.barmode in ("relative", "stack")
    bars = values[values["type"] == "bar"] if is_stacked else values[:0]
    sums = [
        part.groupby("place")["value"].sum()
        for part in (bars[bars["value"] > 0], bars[bars["value"] < 0])
    ]
    ends = pd.concat([values["value"], *sums])
    return min(0.0, ends.min()), max(0.0, ends.max())
