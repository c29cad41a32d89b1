"""How much people use the product and what for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard import wording
from dashboard.charts.common import (
    FAINT,
    GREY,
    NOT_COMPLETE,
    ON_SCALE,
    PALETTE,
    SCALE,
    laid_out,
    name_text,
)

TIER_COLORS = dict(
    zip(
        ("power", "core", "casual", "one-off", "new"),
        PALETTE,
        strict=False,
    )
) | {"dormant": GREY, "lost": FAINT}
# Blue where a group does more of it than everyone, ochre where less.
INDEX_SCALE = ((0, "#d9a05b"), (0.5, "#f4f1ec"), (1, "#4d94db"))
MOST_INDEX = 4.0


def tiers(rows: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Users by tier and date, stacked: each user is in one tier."""
    figure = go.Figure()
    for name in names:
        tier = rows[rows["engagement_tier"] == name]
        figure.add_bar(
            x=tier["as_of_date"],
            y=tier["users"],
            name=name_text(name),
            marker={"color": TIER_COLORS.get(name, GREY), "line": {"width": 0}},
            hovertemplate="%{y:,}",
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    figure = laid_out(figure, height=340, y_title="Users")
    return figure.update_xaxes(
        tickvals=sorted(rows["as_of_date"].unique()), tickformat="%-d %b"
    )


def profiles(rows: pd.DataFrame) -> go.Figure:
    """How much more, or less, of each event a group does than everyone."""
    index = rows.pivot(index="behavior_segment", columns="event_name", values="index")
    share = rows.pivot(index="behavior_segment", columns="event_name", values="share")
    order = index.max().sort_values(ascending=False).index
    index, share = index[order], share[order]
    figure = go.Figure(
        go.Heatmap(
            z=index.clip(lower=1 / MOST_INDEX, upper=MOST_INDEX).map(_log2),
            zmin=-_log2(MOST_INDEX),
            zmax=_log2(MOST_INDEX),
            x=[name_text(event) for event in order],
            y=[_behavior(segment) for segment in index.index],
            text=index.map(
                lambda times: (
                    "" if wording.is_missing(times) else f"{wording.decimal(times, 1)}"
                )
            ),
            texttemplate="%{text}",
            textfont={"color": ON_SCALE, "size": 11},
            customdata=share,
            colorscale=INDEX_SCALE,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate=(
                "%{y}<br>%{x}: %{text} times everyone's share, "
                "%{customdata:.1%} of what they do<extra></extra>"
            ),
        )
    )
    figure = laid_out(figure, height=170 + 36 * len(index), is_unified=False)
    figure.update_layout(margin={"t": 8})
    return figure.update_xaxes(tickangle=-40)


def retention(rows: pd.DataFrame, small: int) -> go.Figure:
    """Share active later, tier by group; small groups are grey and starred."""
    behaviors = sorted(
        set(rows["behavior_segment"]), key=lambda name: (name == "all", name)
    )
    names = list(dict.fromkeys(rows["engagement_tier"]))
    rates = rows.pivot(
        index="engagement_tier", columns="behavior_segment", values="retention_rate"
    ).loc[names[::-1], behaviors]
    users = rows.pivot(
        index="engagement_tier", columns="behavior_segment", values="users"
    ).loc[names[::-1], behaviors]
    is_small = users < small
    shared = {
        "x": [_behavior(behavior) for behavior in behaviors],
        "y": [name_text(name) if name != "all" else "All" for name in rates.index],
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "texttemplate": "%{text}",
        "customdata": users,
        "hoverongaps": False,
        "hovertemplate": "%{y}, %{x}: %{z:.1%} of %{customdata:,} users<extra></extra>",
    }
    figure = go.Figure()
    figure.add_heatmap(
        z=rates.where(~is_small),
        zmin=0,
        zmax=1,
        colorscale=SCALE,
        text=_texts(rates.where(~is_small), ""),
        textfont={"color": ON_SCALE, "size": 11},
        **shared,
    )
    figure.add_heatmap(
        z=rates.where(is_small),
        zmin=0,
        zmax=1,
        colorscale=((0, NOT_COMPLETE), (1, NOT_COMPLETE)),
        text=_texts(rates.where(is_small), "*"),
        textfont={"color": GREY, "size": 11},
        **shared,
    )
    figure = laid_out(figure, height=110 + 32 * len(rates), is_unified=False)
    figure.update_layout(margin={"t": 8})
    return figure


def moves(rows: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Of the users of each tier then, the share that is in each tier now."""
    table = rows.pivot(
        index="from_segment", columns="to_segment", values="share_of_from"
    )
    users = rows.pivot(index="from_segment", columns="to_segment", values="users")
    origins = [n for n in (*names, "not yet seen") if n in table.index]
    targets = [n for n in names if n in table.columns]
    table = table.reindex(index=origins[::-1], columns=targets)
    users = users.reindex(index=origins[::-1], columns=targets)
    figure = go.Figure(
        go.Heatmap(
            z=table,
            zmin=0,
            zmax=1,
            x=[name_text(name) for name in targets],
            y=[name_text(name) for name in table.index],
            text=_texts(table, ""),
            texttemplate="%{text}",
            textfont={"color": ON_SCALE, "size": 11},
            colorscale=SCALE,
            showscale=False,
            customdata=users,
            hoverongaps=False,
            xgap=2,
            ygap=2,
            hovertemplate=(
                "%{customdata:,} users, %{z:.1%} of who was %{y}, are %{x}"
                "<extra></extra>"
            ),
        )
    )
    figure = laid_out(figure, height=110 + 32 * len(table), is_unified=False)
    figure.update_layout(margin={"t": 30})
    figure.update_xaxes(title="Now", side="top")
    return figure.update_yaxes(title="Then")


def _log2(times: float) -> float:
    return math.nan if wording.is_missing(times) else math.log2(times)


def _texts(rates: pd.DataFrame, mark: str) -> list[list[str]]:
    return [
        ["" if wording.is_missing(rate) else f"{rate:.0%}{mark}" for rate in row]
        for row in rates.to_numpy()
    ]


def _behavior(segment: str) -> str:
    return wording.plain(wording.behavior(segment)).replace(", ", ",<br>")
