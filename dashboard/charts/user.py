"""What one user did, day by day."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.common import BLUE, laid_out, name_text

MOST_NAMES = 14


def days(rows: pd.DataFrame) -> go.Figure:
    """Events by day and name: a dot is as large as many times."""
    totals = rows.groupby("event_name")["events"].sum()
    ranked = sorted(totals.index, key=lambda event: (-totals[event], event))
    kept = ranked[:MOST_NAMES]
    shown = rows.assign(
        event_name=rows["event_name"].where(rows["event_name"].isin(kept), "other")
    )
    shown = shown.groupby(["event_date", "event_name"], as_index=False)["events"].sum()
    names = [*kept, *(["other"] if len(ranked) > MOST_NAMES else [])]
    figure = go.Figure()
    figure.add_scatter(
        x=shown["event_date"],
        y=shown["event_name"].map(name_text),
        mode="markers",
        marker={
            "size": 7 + 3 * shown["events"].clip(upper=6),
            "color": BLUE,
            "opacity": 0.75,
            "line": {"width": 0},
        },
        customdata=shown["events"],
        hovertemplate="%{y}: %{customdata} on %{x|%-d %b %Y}<extra></extra>",
    )
    figure = laid_out(figure, height=90 + 24 * len(names), is_unified=False)
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[name_text(name) for name in reversed(names)],
        dtick=1,
        showgrid=True,
    )
    return figure
