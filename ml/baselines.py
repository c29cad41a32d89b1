"""What a churn model has to beat: the base rate, and a rule that knows only recency."""

import numpy as np

# Days since last active at which a new bucket starts: every day where users differ
# most, then half weeks, then weeks.
RECENCY_BUCKETS = (0, 1, 2, 3, 5, 7, 10, 14, 21, 28)
# A bucket counts as if it held this many more users who churn at the base rate, so that
# a bucket of three users does not say 0 or 1.
PRIOR_ROWS = 20.0


def base_rate(churned: np.ndarray) -> float:
    """The share that churned, after Laplace: strictly between 0 and 1, 0.5 of none."""
    return float((churned.sum() + 1) / (len(churned) + 2))


def recency_bucket(recency_days: np.ndarray) -> np.ndarray:
    """Index into RECENCY_BUCKETS; an unknown recency is in the last one."""
    days = np.where(np.isnan(recency_days), RECENCY_BUCKETS[-1], recency_days)
    return np.searchsorted(RECENCY_BUCKETS, days, side="right") - 1


def recency_rates(recency_days: np.ndarray, churned: np.ndarray) -> np.ndarray:
    """The share of training rows that churned per recency bucket, shrunk to the base.

    Takes days and 0/1 labels, both (n,). Returns (len(RECENCY_BUCKETS),) in (0, 1).
    """
    bucket = recency_bucket(recency_days)
    size = len(RECENCY_BUCKETS)
    rows = np.bincount(bucket, minlength=size)
    positives = np.bincount(bucket, weights=churned, minlength=size)
    return (positives + PRIOR_ROWS * base_rate(churned)) / (rows + PRIOR_ROWS)
