"""The look of all figures: one palette, and what is not known yet drawn apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

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

CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
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
        legend_only(figure, "Day or window not full", hatched=False)


def legend_only(figure: go.Figure, label: str, *, hatched: bool) -> None:
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


def errors(rows: pd.DataFrame, column: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows["ci_high"] - rows[column]).clip(lower=0),
        "arrayminus": (rows[column] - rows["ci_low"]).clip(lower=0),
        "thickness": 1.5,
        "width": 4,
        "color": GREY,
    }


def color_of(index: int, segment_value: str) -> str:
    """The color of a value; users without one stand back."""
    return GREY if segment_value == NOT_SET else PALETTE[index % (len(PALETTE) - 1)]


def name_text(text: str) -> str:
    return wording.plain(wording.name(text))


def value_text(text: str) -> str:
    return wording.plain(wording.value(text))
