"""A model as a table of terms, from which SQL alone gives the same probabilities.

The SQL that reads it is the macro `scorecard_scores`. Boosted trees are no sum of terms,
and their table says so.
"""

import numpy as np
import pandas as pd
from scipy.special import logit

from ml import frames
from ml.baselines import RECENCY_BUCKETS
from ml.churn import Model

TERM_TYPES = {
    "population": "string",
    "term": "string",
    "kind": "string",
    "source": "string",
    "level": "string",
    "transform": "string",
    "threshold": "Float64",
    "mean": "Float64",
    "scale": "Float64",
    "coefficient": "Float64",
    "model_version": "string",
}
NO_SCORECARD = "no scorecard"
NOTHING = float("nan")
Term = tuple[str, str, str | None, str | None, str | None, float, float, float, float]


def scorecard(model: Model | None) -> pd.DataFrame:
    """The terms of the model of eligible users and of that of new users: TERM_TYPES.

    No rows where there is no model, or one that knows nothing.
    """
    populations = {"eligible": model, "new": model and model.new_users}
    rows = [
        (population, *term, part.version)
        for population, part in populations.items()
        if part is not None and part.kind != "none"
        for term in _terms(part)
    ]
    columns = list(zip(*rows, strict=True)) or [[]] * len(TERM_TYPES)
    return frames.typed(dict(zip(TERM_TYPES, columns, strict=True)), TERM_TYPES)


def _terms(model: Model) -> list[Term]:
    if model.kind == "boosted_trees":
        return [_constant(model.kind, NO_SCORECARD, NOTHING)]
    if model.kind == "base_rate":
        intercept, terms = logit(model.base_rate), []
    elif model.kind == "recency_rule":
        intercept, terms = logit(model.recency_rates[0]), _step_terms(model)
    else:
        intercept, terms = model.intercept, _column_terms(model)
    return [
        _constant("intercept", "intercept", intercept),
        *terms,
        _constant("calibration shift", "calibration_shift", model.shift),
        _constant("calibration slope", "calibration_slope", model.slope),
    ]


def _constant(term: str, kind: str, value: float) -> Term:
    return (term, kind, None, None, None, NOTHING, NOTHING, NOTHING, value)


def _step_terms(model: Model) -> list[Term]:
    """By how much each recency bucket's log-odds are above those of the one before."""
    steps = zip(RECENCY_BUCKETS[1:], np.diff(logit(model.recency_rates)), strict=True)
    return [
        (
            f"recency_days from {start}",
            "step",
            "recency_days",
            None,
            "identity",
            float(start),
            0.0,
            1.0,
            step,
        )
        for start, step in steps
    ]


def _column_terms(model: Model) -> list[Term]:
    return [
        (
            column.name,
            column.kind,
            column.source,
            column.level or None,
            column.transform,
            NOTHING,
            column.mean,
            column.scale,
            coefficient,
        )
        for column, coefficient in zip(model.columns, model.coefficients, strict=True)
    ]
