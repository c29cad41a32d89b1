"""Plotly figures of one look: a module per page."""

from dashboard.charts import (
    churn,
    common,
    features,
    funnels,
    lifecycle,
    overview,
    paths,
    quality,
    retention,
    user,
    user_segments,
)

__all__ = [
    "churn",
    "common",
    "features",
    "funnels",
    "lifecycle",
    "overview",
    "paths",
    "quality",
    "retention",
    "user",
    "user_segments",
]
