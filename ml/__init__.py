"""Churn scores, their evaluation and behaviour segments, as functions over DataFrames.

Called by the dbt Python models in ``models/marts/churn``. Nothing here opens the
warehouse, reads the clock or the environment, or counts a metric: DataFrames come in,
DataFrames go out, and the same rows in any order, on any number of threads, give the
same bytes. What ``ml.memory`` keeps of them in files changes none.
"""

# dbt runs Python models in threads, and parts of scikit-learn import each other: two
# threads that begin with different parts can wait for one another for ever. A package is
# imported by one thread while the others wait, and skops imports every part.
import skops.io  # noqa: F401
