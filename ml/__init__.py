"""Churn scores, their evaluation and behaviour segments, as functions over DataFrames.

Called by the dbt Python models in ``models/marts/churn``. Nothing here opens the
warehouse, reads the clock or the environment, or counts a metric: DataFrames come in,
DataFrames go out, and the same rows in any order, on any number of threads, give the
same bytes.
"""
