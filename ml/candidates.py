"""The models that compete, from the simplest to the least simple, and how each learns.

None weighs the classes or resamples: that buys no ranking and spoils the probabilities.
Each learns from the same rows; the logistic ones and the trees from the same columns, so
that they differ in nothing but their form.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from ml import frames
from ml.features import Column, Inputs, choose_columns, data_hash, design_matrix

BASELINES = ("base_rate", "recency_rule")
LEARNED = ("rfm_logistic", "logistic", "boosted_trees")
KINDS = BASELINES + LEARNED
# Recency, frequency and volume: what anyone would look at first.
RFM_FEATURES = ("recency_days", "active_days_28", "events_28")
# Small trees, slowly learnt, and never tuned: what they add is interactions. Stopping
# early would set rows aside at random.
TREES = {
    "max_iter": 60,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 40,
    "max_bins": 63,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


# What `remembering` keeps at most.
MOST_REMEMBERED = 100


class Settings(NamedTuple):
    """What a business may change about the model; part of its version."""

    inverse_penalty: float = 0.1  # scikit-learn's C, on standardised features
    top_events: int = 20  # events whose usage is a feature
    top_levels: int = 10  # levels per segment, the others are pooled
    rare_rows: int = 20  # levels on fewer training rows are pooled
    min_rows: int = 200  # fewer labelled rows: the recency rule
    min_class_rows: int = 20  # fewer that churned, or stayed: the recency rule


class Learnt(NamedTuple):
    """What a learned kind knows: weights of its columns, or trees over them."""

    columns: list[Column]
    coefficients: np.ndarray  # (columns,), empty for trees
    intercept: float
    trees: HistGradientBoostingClassifier | None = None


_LEARNT: dict[tuple[str, Settings, str], Learnt] = {}
_IS_REMEMBERING = ContextVar("is_remembering", default=False)


class Scorer(Protocol):
    """Whatever has the fields of `Learnt`."""

    coefficients: np.ndarray
    intercept: float
    trees: HistGradientBoostingClassifier | None


@contextmanager
def remembering() -> Iterator[None]:
    """Within it, what this process has learnt from the same rows is not learnt again.

    The model that scores, those tested on earlier dates and what calibrates them learn
    from the same rows several times, and dbt's models of one build share a process.
    """
    token = _IS_REMEMBERING.set(True)
    try:
        yield
    finally:
        _IS_REMEMBERING.reset(token)


def learn(
    kinds: Iterable[str], inputs: Inputs, rows: np.ndarray, settings: Settings
) -> dict[str, Learnt]:
    """Each of the learned `kinds`, on the same columns, chosen on `rows` alone."""
    if not _IS_REMEMBERING.get():
        return _learn(kinds, inputs, rows, settings)
    same = data_hash(inputs, rows)
    keys = {kind: (kind, settings, same) for kind in kinds}
    known = {kind: _LEARNT[key] for kind, key in keys.items() if key in _LEARNT}
    missing = [kind for kind in keys if kind not in known]
    if missing:
        known |= _learn(missing, inputs, rows, settings)
    _LEARNT.update({key: known[kind] for kind, key in keys.items()})
    while len(_LEARNT) > MOST_REMEMBERED:
        del _LEARNT[next(iter(_LEARNT))]
    return {kind: known[kind] for kind in keys}


def _learn(
    kinds: Iterable[str], inputs: Inputs, rows: np.ndarray, settings: Settings
) -> dict[str, Learnt]:
    columns = all_columns(inputs, rows, settings)
    matrix = design_matrix(columns, inputs, rows)
    churned = inputs.churned[rows].astype("int64")
    learnt = {}
    for kind in kinds:
        used = positions(kind, columns)
        chosen = [columns[i] for i in used]
        # As many columns as there are need no copy.
        of_kind = matrix if chosen == columns else matrix[:, used]
        if kind == "boosted_trees":
            learnt[kind] = learn_trees(chosen, of_kind, churned)
        else:
            learnt[kind] = learn_weights(chosen, of_kind, churned, settings)
    return learnt


def all_columns(inputs: Inputs, rows: np.ndarray, settings: Settings) -> list[Column]:
    """The columns that `rows` allow, see `features.choose_columns`."""
    return choose_columns(
        inputs, rows, settings.top_events, settings.top_levels, settings.rare_rows
    )


def positions(kind: str, columns: list[Column]) -> list[int]:
    """Which of the columns a kind uses."""
    if kind != "rfm_logistic":
        return list(range(len(columns)))
    return [
        position
        for position, column in enumerate(columns)
        if column.kind == "number" and column.source in RFM_FEATURES
    ]


def learn_weights(
    columns: list[Column], matrix: np.ndarray, churned: np.ndarray, settings: Settings
) -> Learnt:
    """A ridge logistic regression of (n,) 0/1 labels on an (n, columns) matrix."""
    if not columns:
        return Learnt([], np.empty(0), 0.0)
    # Newton steps end at the optimum to the last digits, wherever they came from; a
    # first-order solver stops near it, and where depends on the order of its sums.
    regression = LogisticRegression(
        C=settings.inverse_penalty, solver="newton-cholesky", tol=1e-9, max_iter=200
    )
    regression.fit(matrix, churned)
    return Learnt(
        columns,
        frames.round_significant(regression.coef_[0]),
        float(frames.round_significant(regression.intercept_)[0]),
    )


def learn_trees(
    columns: list[Column], matrix: np.ndarray, churned: np.ndarray
) -> Learnt:
    """Gradient boosting of TREES of (n,) 0/1 labels on an (n, columns) matrix."""
    if not columns:
        return Learnt([], np.empty(0), 0.0)
    trees = HistGradientBoostingClassifier(**TREES).fit(matrix, churned)
    return Learnt(columns, np.empty(0), 0.0, trees)


def log_odds(scorer: Scorer, matrix: np.ndarray) -> np.ndarray:
    """Log-odds before calibration, (n,), of an (n, columns) design matrix."""
    if scorer.trees is None:
        return scorer.intercept + (matrix * scorer.coefficients).sum(axis=1)
    # Boosting takes no empty matrix.
    return scorer.trees.decision_function(matrix) if len(matrix) else np.empty(0)


def effects(
    scorer: Scorer, matrix: np.ndarray, groups: Sequence[Sequence[int]]
) -> np.ndarray:
    """How far each group of columns moves each row's log-odds, (n, groups).

    That is the log-odds less what they would be with the group at its typical value,
    which is 0 in a design matrix. For weights it is the sum of weight * deviation.
    """
    moved = np.zeros((len(matrix), len(groups)))
    if scorer.trees is None:
        parts = matrix * scorer.coefficients
        for position, group in enumerate(groups):
            moved[:, position] = parts[:, group].sum(axis=1)
        return moved
    now = log_odds(scorer, matrix)
    for position, group in enumerate(groups):
        typical = matrix.copy()
        typical[:, group] = 0
        moved[:, position] = now - log_odds(scorer, typical)
    return moved
