"""Plotly figures of one look: a module per page."""

from dashboard.charts import churn, common, funnels, lifecycle, overview, retention

__all__ = ["churn", "common", "funnels", "lifecycle", "overview", "retention"]
