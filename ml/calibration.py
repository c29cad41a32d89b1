"""Calibration: a shift and a slope of the log-odds, learnt on later dates."""

from collections.abc import Iterable

import numpy as np
from scipy.special import expit

from ml import frames, splits
from ml.candidates import Settings, learn, log_odds
from ml.features import Inputs, design_matrix

NO_CHANGE = (0.0, 1.0)


def enough(churned: np.ndarray, settings: Settings) -> bool:
    """Whether 0/1 labels suffice for a learned kind."""
    positives = int(churned.sum())
    fewest = min(positives, len(churned) - positives)
    return len(churned) >= settings.min_rows and fewest >= settings.min_class_rows


def calibrate(
    kinds: Iterable[str],
    inputs: Inputs,
    rows: np.ndarray,
    horizon_days: int,
    settings: Settings,
) -> dict[str, tuple[float, float]]:
    """Shift and slope of each kind's log-odds, learnt on dates after those trained on.

    An unweighted model is calibrated on its own dates; what is left is drift and
    overfitting, seen only on later ones. So a sigmoid is fitted on one later date and
    kept only if it does not worsen the log loss on a second, a horizon later; then it
    is fitted again on both. Without two such dates it is (0, 1), no change.
    """
    kinds = tuple(kinds)
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {k: [] for k in kinds}
    for date in splits.calibration_dates(inputs.as_of_date[rows], horizon_days):
        before = date - np.timedelta64(horizon_days, "D")
        earlier = rows[inputs.as_of_date[rows] <= before]
        held_out = rows[inputs.as_of_date[rows] == date]
        if not enough(inputs.churned[earlier], settings):
            return dict.fromkeys(kinds, NO_CHANGE)
        for kind, learnt in learn(kinds, inputs, earlier, settings).items():
            matrix = design_matrix(learnt.columns, inputs, held_out)
            parts[kind].append((log_odds(learnt, matrix), inputs.churned[held_out]))
    return {kind: _sigmoid_that_holds(dates) for kind, dates in parts.items()}


def _sigmoid_that_holds(
    parts: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[float, float]:
    if len(parts) < 2:
        return NO_CHANGE
    (first, second) = parts
    shift, slope = fit_sigmoid(*first)
    if slope <= 0 or log_loss(shift + slope * second[0], second[1]) > log_loss(*second):
        return NO_CHANGE
    log_odds_of_both = np.concatenate([first[0], second[0]])
    shift, slope = fit_sigmoid(log_odds_of_both, np.concatenate([first[1], second[1]]))
    return (shift, slope) if slope > 0 else NO_CHANGE


def fit_sigmoid(log_odds: np.ndarray, churned: np.ndarray) -> tuple[float, float]:
    """Shift and slope that maximise the likelihood of (n,) 0/1 labels.

    Each has a standard normal prior around no change, so that a few rows, or labels
    that a threshold separates, move them little.
    """
    design = np.column_stack([np.ones(len(log_odds)), log_odds])
    start = np.array([0.0, 1.0])
    weights = start.copy()
    for _ in range(100):
        p = expit(design @ weights)
        slope = design.T @ (p - churned) + (weights - start)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.eye(2)
        step = np.linalg.solve(curvature, slope)
        weights = weights - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-12:
            break
    weights = frames.round_significant(weights)
    return float(weights[0]), float(weights[1])


def log_loss(log_odds: np.ndarray, churned: np.ndarray) -> float:
    """Mean negative log likelihood of 0/1 labels, from log-odds."""
    return float(np.mean(np.logaddexp(0, log_odds) - churned * log_odds))
