"""What people do one after the other."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import BLUE, FAINT, GREY, laid_out

SPECIAL = {
    "(start)": "Start",
    "(exit)": "Left",
    "(other)": "Other",
    "(continues)": "Went on",
}
HEIGHT, MARGINS, PAD = 560, 60, 14  # pixels
LINK = "rgba(47, 127, 209, 0.28)"


def flows(rows: pd.DataFrame) -> go.Figure:
    """Steps of a session from left to right; a band is as wide as many sessions."""
    origins = list(zip(rows["from_step"], rows["from_event"], strict=True))
    targets = list(zip(rows["from_step"] + 1, rows["to_event"], strict=True))
    nodes = sorted({*origins, *targets})
    index = {node: number for number, node in enumerate(nodes)}
    last = max(step for step, _ in nodes)
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [wording.plain(name(event)) for _, event in nodes],
                "x": [0.001 + 0.998 * step / max(last, 1) for step, _ in nodes],
                "y": _heights(rows, nodes),
                "color": [GREY if event in SPECIAL else BLUE for _, event in nodes],
                "pad": PAD,
                "thickness": 12,
                "line": {"width": 0},
                "hovertemplate": "%{label}: %{value:,} sessions<extra></extra>",
            },
            link={
                "source": [index[node] for node in origins],
                "target": [index[node] for node in targets],
                "value": rows["transitions"],
                "color": [
                    FAINT if event == "(exit)" else LINK for event in rows["to_event"]
                ],
                "hovertemplate": (
                    "%{source.label} to %{target.label}: %{value:,} sessions"
                    "<extra></extra>"
                ),
            },
        )
    )
    figure = laid_out(figure, height=HEIGHT, is_unified=False)
    # Plotly draws the nodes a little larger than their places.
    return figure.update_layout(margin={"t": 16, "b": 44})


def name(event: str) -> str:
    """An event or a way in or out, for people."""
    return SPECIAL.get(event) or wording.name(event)


def _heights(rows: pd.DataFrame, nodes: list[tuple[int, str]]) -> list[float]:
    """Where each node's middle is, from 0 at the top: the largest first, who left last.

    On the scale on which Plotly draws them: the fullest column takes all the height.
    """
    everyone = rows.loc[rows["from_step"] == 0, "transitions"].sum()
    arrived = rows.groupby([rows["from_step"] + 1, "to_event"])["transitions"].sum()
    sizes = {node: float(arrived.get(node, everyone)) for node in nodes}
    columns: dict[int, list[tuple[int, str]]] = {}
    for node in sorted(
        nodes, key=lambda node: (node[1] in SPECIAL, -sizes[node], node)
    ):
        columns.setdefault(node[0], []).append(node)
    pad = PAD / (HEIGHT - MARGINS)
    scale = min(
        (1 - pad * (len(column) - 1)) / sum(sizes[node] for node in column)
        for column in columns.values()
    )
    middles: dict[tuple[int, str], float] = {}
    for column in columns.values():
        top = 0.0
        for node in column:
            height = sizes[node] * scale
            middles[node] = min(max(top + height / 2, 0.001), 0.999)
            top += height + pad
    return [middles[node] for node in nodes]
