"""Fit, calibrate and score churn, and say why.

The champion is a logistic regression without class weights or resampling: those buy no
ranking and double the Brier score. Whoever has too little data for it gets a simpler
scorer, and `model_version` says which and why.

Users too new to have habits have a model of their own, see `fit_new_users`.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from ml import baselines, frames, reasons, splits
from ml.features import (
    NAMES,
    Column,
    Inputs,
    choose_columns,
    design_matrix,
    newest_date,
    prepare,
)

# Raised when the same data and settings start to give other scores.
METHOD_VERSION = 2
LEAST_PROBABILITY = 1e-6
# The bands' limits are odds against the base rate's odds, so that they mean the same
# whether 5 % or 60 % of the users churn.
BAND_ODDS = 2.0
# With the segments all that a new user's model knows: see `fit_new_users`.
NEW_USER_FEATURES = ("recency_days", "tenure_days")

SCORE_TYPES = {
    "user_id": "string",
    "as_of_date": "datetime64[us]",
    "churn_probability": "Float64",
    "risk_decile": "Int64",
    "risk_band": "string",
    "top_reason_1": "string",
    "top_reason_2": "string",
    "top_reason_3": "string",
    "model_version": "string",
    "is_new_user": "boolean",
}


class Settings(NamedTuple):
    """What a business may change about the model; part of its version."""

    inverse_penalty: float = 0.1  # scikit-learn's C, on standardised features
    top_events: int = 20  # events whose usage is a feature
    top_levels: int = 10  # levels per segment, the others are pooled
    rare_rows: int = 20  # levels on fewer training rows are pooled
    min_rows: int = 200  # fewer labelled rows: the recency rule
    min_class_rows: int = 20  # fewer that churned, or stayed: the recency rule


DEFAULTS = Settings()


class Model(NamedTuple):
    """A fitted scorer, plain data throughout.

    Log-odds before calibration = intercept + sum(coefficients * design matrix), and the
    probability is expit(shift + slope * log-odds).
    """

    kind: str  # 'logistic', 'recency_rule', 'base_rate' or 'none'
    version: str
    training_rows: int
    base_rate: float  # NaN for 'none'
    recency_rates: np.ndarray  # per baselines.RECENCY_BUCKETS
    typical_recency: float
    columns: list[Column]
    coefficients: np.ndarray
    intercept: float
    shift: float = 0.0
    slope: float = 1.0
    new_users: "Model | None" = None  # scores the rows that are not eligible


def score_users(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    horizon_days: int,
    settings: Settings = DEFAULTS,
) -> pd.DataFrame:
    """Score every row of the newest as_of_date; one row per user, see SCORE_TYPES.

    `features`: user x as_of_date; `usage`: user x as_of_date x event_name, counts in 28
    days; `labels`: user x as_of_date. Learns from rows with a closed label at least
    `horizon_days` before the newest as_of_date: for eligible users from eligible rows,
    for new users from the others.

    churn_probability: calibrated chance of no activity in the next `horizon_days`, in
    (0, 1). risk_decile: 10 is the tenth of users with the highest risk, ties by
    user_id. risk_band: 'high' from twice the odds of the base rate among the eligible
    training rows, 'low' up to half of them, else 'medium': the same limits for all, so
    that a band means the same. model_version is that of the model that scored the user.
    Without any closed label of an eligible user the probability and decile are NULL,
    the band is 'unknown' and the version 'none: ...'.
    A wrong column or argument raises ValueError.
    """
    check_arguments(horizon_days, settings)
    inputs = prepare(features, usage, labels)
    at = newest_date(inputs)
    rows = np.flatnonzero(inputs.as_of_date == at) if at is not None else []
    rows = np.asarray(rows, dtype="int64")
    if not len(rows):
        return frames.typed({name: [] for name in SCORE_TYPES}, SCORE_TYPES)
    model = fit(inputs, at, horizon_days, settings)
    probability = predict(model, inputs, rows)
    told = explain(model, inputs, rows)
    versions = np.full(len(rows), model.version, dtype=object)
    for part, chosen in parts(model, inputs, rows):
        versions[chosen] = part.version
    return frames.typed(
        {
            "user_id": inputs.user_id[rows],
            "as_of_date": inputs.as_of_date[rows],
            "churn_probability": probability,
            "risk_decile": risk_deciles(probability),
            "risk_band": risk_bands(probability, model.base_rate),
            "top_reason_1": told[:, 0],
            "top_reason_2": told[:, 1],
            "top_reason_3": told[:, 2],
            "model_version": versions,
            "is_new_user": ~inputs.is_eligible[rows],
        },
        SCORE_TYPES,
    )


def check_arguments(horizon_days: int, settings: Settings) -> None:
    """Raise ValueError naming the first argument that is not allowed."""
    frames.require_whole_number("horizon_days", horizon_days, 1)
    lowest = {"top_events": 0, "top_levels": 1, "rare_rows": 1}
    lowest |= {"min_rows": 2, "min_class_rows": 1}
    for name, least in lowest.items():
        frames.require_whole_number(f"settings.{name}", getattr(settings, name), least)
    if not 0 < settings.inverse_penalty < np.inf:
        raise ValueError(
            f"settings.inverse_penalty: given {settings.inverse_penalty!r}, allowed is "
            "a positive number."
        )


def labelled_rows(inputs: Inputs, at: np.datetime64, horizon_days: int) -> np.ndarray:
    """Positions of the rows whose label was closed and known by `at`."""
    dates = splits.embargoed_dates(inputs.as_of_date, at, horizon_days)
    is_known = ~np.isnan(inputs.churned)
    return np.flatnonzero(is_known & np.isin(inputs.as_of_date, dates))


def training_rows(inputs: Inputs, at: np.datetime64, horizon_days: int) -> np.ndarray:
    """Those of `labelled_rows` that are eligible."""
    rows = labelled_rows(inputs, at, horizon_days)
    return rows[inputs.is_eligible[rows]]


def fit(
    inputs: Inputs, at: np.datetime64, horizon_days: int, settings: Settings
) -> Model:
    """The best scorer that the labels known by `at` allow: the same code trains the
    model that scores and, at earlier dates, those that are tested.
    """
    with frames.one_thread():
        rows = training_rows(inputs, at, horizon_days)
        if not len(rows):
            return _unknown(inputs)
        model = _baseline(inputs, rows, settings, horizon_days)
        if model.kind == "logistic":
            model = _with_weights(model, *fit_logistic(inputs, rows, settings))
        if model.kind == "logistic":
            shift, slope = calibrate(inputs, rows, horizon_days, settings)
            model = model._replace(shift=shift, slope=slope)
        new_users = fit_new_users(inputs, at, horizon_days, settings)
        return model._replace(new_users=new_users)


def fit_new_users(
    inputs: Inputs, at: np.datetime64, horizon_days: int, settings: Settings
) -> Model:
    """The scorer of users who are not eligible, learnt from such users alone.

    Two active days of somebody who joined on Thursday are not two active days of
    somebody who has been there for months: a model of eligible users, asked about new
    ones, expects twice as many to leave as do. So their rows that are labelled by `at`,
    under the same embargo, have a logistic regression of their own, on
    NEW_USER_FEATURES and the segments; counts over windows longer than a new user's
    life say no more than these. Where such rows are too few, the recency rule of all
    labelled rows scores.

    Chosen on the seeds by Brier skill over the as_of_dates 2026-03-08 to 2026-04-26,
    whose labels had all closed when the first test date came (584 rows, 26 % churned):

    - the model of eligible users: -0.42; their recency rule: 0.03;
    - one model of all users and an indicator of the new: 0.04; with interactions: 0.03;
    - learnt from new users, their base rate: 0.00, recency rule: 0.04, all features:
      0.03, recency and tenure: 0.06, these and the segments: 0.08.
    """
    known = labelled_rows(inputs, at, horizon_days)
    rows = known[~inputs.is_eligible[known]]
    if enough(inputs.churned[rows], settings):
        model = _baseline(inputs, rows, settings, horizon_days)
        columns = [
            column
            for column in _columns(inputs, rows, settings)
            if column.kind == "segment"
            or (column.kind == "number" and column.source in NEW_USER_FEATURES)
        ]
        return _with_weights(model, *fit_columns(columns, inputs, rows, settings))
    model = _baseline(inputs, known, settings, horizon_days)
    if model.kind != "logistic":
        return model
    version = model.version.replace("logistic", "recency_rule")
    reason = _too_few(inputs.churned[rows], settings, " of new users")
    return model._replace(kind="recency_rule", version=f"{version}: {reason}")


def fit_logistic(
    inputs: Inputs, rows: np.ndarray, settings: Settings
) -> tuple[list[Column], np.ndarray, float]:
    """Columns chosen on `rows`, and the coefficients and intercept of `fit_columns`."""
    return fit_columns(_columns(inputs, rows, settings), inputs, rows, settings)


def fit_columns(
    columns: list[Column], inputs: Inputs, rows: np.ndarray, settings: Settings
) -> tuple[list[Column], np.ndarray, float]:
    """Columns, coefficients and intercept of a ridge logistic regression on `rows`."""
    if not columns:
        return [], np.empty(0), 0.0
    # Newton steps end at the optimum to the last digits, wherever they came from; a
    # first-order solver stops near it, and where depends on the order of its sums.
    regression = LogisticRegression(
        C=settings.inverse_penalty, solver="newton-cholesky", tol=1e-9, max_iter=200
    )
    matrix = design_matrix(columns, inputs, rows)
    regression.fit(matrix, inputs.churned[rows].astype("int64"))
    coefficients = frames.round_significant(regression.coef_[0])
    return (
        columns,
        coefficients,
        float(frames.round_significant(regression.intercept_)[0]),
    )


def calibrate(
    inputs: Inputs, rows: np.ndarray, horizon_days: int, settings: Settings
) -> tuple[float, float]:
    """Shift and slope of the log-odds, learnt on dates after those trained on.

    The unweighted model is calibrated on its own dates; what is left is drift and
    overfitting, seen only on later ones. So a sigmoid is fitted on one later date and
    kept only if it does not worsen the log loss on a second, a horizon later; then it
    is fitted again on both. Without two such dates it is (0, 1), no change.
    """
    parts = []
    for date in splits.calibration_dates(inputs.as_of_date[rows], horizon_days):
        before = date - np.timedelta64(horizon_days, "D")
        earlier = rows[inputs.as_of_date[rows] <= before]
        held_out = rows[inputs.as_of_date[rows] == date]
        if not enough(inputs.churned[earlier], settings):
            return 0.0, 1.0
        columns, coefficients, intercept = fit_logistic(inputs, earlier, settings)
        matrix = design_matrix(columns, inputs, held_out)
        parts.append((intercept + matrix @ coefficients, inputs.churned[held_out]))
    if len(parts) < 2:
        return 0.0, 1.0
    (first, second) = parts
    shift, slope = fit_sigmoid(*first)
    if slope <= 0 or log_loss(shift + slope * second[0], second[1]) > log_loss(*second):
        return 0.0, 1.0
    log_odds = np.concatenate([first[0], second[0]])
    shift, slope = fit_sigmoid(log_odds, np.concatenate([first[1], second[1]]))
    return (shift, slope) if slope > 0 else (0.0, 1.0)


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


def parts(
    model: Model, inputs: Inputs, rows: np.ndarray
) -> Iterator[tuple[Model, np.ndarray]]:
    """The model of each kind of user, with the positions in `rows` that it scores."""
    is_new = ~inputs.is_eligible[rows] & (model.new_users is not None)
    yield model, np.flatnonzero(~is_new)
    if model.new_users is not None:
        yield model.new_users, np.flatnonzero(is_new)


def simpler(model: Model, kind: str) -> Model:
    """The rule or base rate learnt from the same rows, for new users from theirs."""
    new_users = model.new_users
    if new_users is not None:
        new_users = simpler(new_users, kind)
    return model._replace(kind=kind, new_users=new_users)


def predict(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Calibrated probabilities of `rows`, in (0, 1), NaN where the model is 'none'."""
    probability = np.full(len(rows), np.nan)
    for part, chosen in parts(model, inputs, rows):
        probability[chosen] = _predict_part(part, inputs, rows[chosen])
    probability = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return frames.round_significant(probability)


def contributions(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Log-odds before calibration, less the intercept, by column: (rows, columns)."""
    return design_matrix(model.columns, inputs, rows) * model.coefficients


def explain(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Up to three sentences per row on what raises its risk, (rows, 3), else None."""
    told = np.full((len(rows), reasons.TOP), None, dtype=object)
    for part, chosen in parts(model, inputs, rows):
        among = reasons.NEW_USERS if part is model.new_users else reasons.ALL_USERS
        told[chosen] = _explain_part(part, inputs, rows[chosen], among)
    return told


def risk_deciles(probability: np.ndarray) -> pd.array:
    """1 to 10, 10 the highest risk; NULL where there is no probability.

    By rank, in the order of the rows where probabilities tie. With fewer than ten users
    the highest is still in 10, and some deciles are empty.
    """
    deciles = pd.array([pd.NA] * len(probability), dtype="Int64")
    known = np.flatnonzero(~np.isnan(probability))
    order = known[np.argsort(-probability[known], kind="stable")]
    deciles[order] = 10 - np.arange(len(order)) * 10 // max(len(order), 1)
    return deciles


def risk_bands(probability: np.ndarray, base_rate: float) -> np.ndarray:
    """'high' from BAND_ODDS times the odds of the base rate, 'low' up to 1 / of them.

    'medium' between, 'unknown' where there is no probability.
    """
    against_base = logit(probability) - logit(base_rate)
    limit = np.log(BAND_ODDS)
    band = np.where(against_base >= limit, "high", "medium").astype(object)
    band[against_base <= -limit] = "low"
    band[np.isnan(probability)] = "unknown"
    return band


def enough(churned: np.ndarray, settings: Settings) -> bool:
    """Whether 0/1 labels suffice for a logistic regression."""
    positives = int(churned.sum())
    fewest = min(positives, len(churned) - positives)
    return len(churned) >= settings.min_rows and fewest >= settings.min_class_rows


def fingerprint(
    inputs: Inputs, rows: np.ndarray, horizon_days: int, settings: Settings
) -> str:
    """Eight hex digits of the training rows, the settings and the feature names."""
    usage = inputs.usage[rows]
    used = np.flatnonzero(usage.sum(axis=0) > 0)
    usage = usage[:, used]
    facts = [METHOD_VERSION, horizon_days, list(settings), list(NAMES)]
    facts += [[inputs.events[i] for i in used], sorted(inputs.segments)]
    digest = hashlib.sha256(repr(facts).encode())
    for levels in [inputs.user_id, *(inputs.segments[key] for key in facts[-1])]:
        digest.update("\x1f".join(levels[rows]).encode())
    for values in (
        inputs.as_of_date[rows].astype("int64"),
        inputs.numbers[rows],
        inputs.churned[rows],
        usage.indptr.astype("int64"),
        usage.indices.astype("int64"),
        usage.data,
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:8]


def _predict_part(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    if model.kind == "logistic":
        log_odds = model.intercept + contributions(model, inputs, rows).sum(axis=1)
        return expit(model.shift + model.slope * log_odds)
    if model.kind == "recency_rule":
        return model.recency_rates[baselines.recency_bucket(_recency(inputs, rows))]
    return np.full(len(rows), model.base_rate)


def _explain_part(
    model: Model, inputs: Inputs, rows: np.ndarray, among: str
) -> np.ndarray:
    if model.kind == "logistic":
        matrix = design_matrix(model.columns, inputs, rows)
        return reasons.top_reasons(
            model.columns, matrix, model.coefficients, inputs, rows, among
        )
    told = np.full((len(rows), reasons.TOP), None, dtype=object)
    if model.kind == "recency_rule":
        recency = _recency(inputs, rows)
        rates = model.recency_rates[baselines.recency_bucket(recency)]
        raised = logit(rates) - logit(model.base_rate) >= reasons.LEAST_CONTRIBUTION
        for row in np.flatnonzero(raised & (recency > model.typical_recency)):
            told[row, 0] = reasons.recency_reason(recency[row], model.typical_recency)
    return told


def _columns(inputs: Inputs, rows: np.ndarray, settings: Settings) -> list[Column]:
    return choose_columns(
        inputs, rows, settings.top_events, settings.top_levels, settings.rare_rows
    )


def _with_weights(
    model: Model, columns: list[Column], coefficients: np.ndarray, intercept: float
) -> Model:
    """The model with its coefficients, the base rate where there is no column."""
    if not columns:
        version = model.version.replace("logistic", "base_rate")
        return model._replace(kind="base_rate", version=f"{version}: no feature varies")
    return model._replace(
        columns=columns, coefficients=coefficients, intercept=intercept
    )


def _too_few(churned: np.ndarray, settings: Settings, whose: str = "") -> str:
    return (
        f"{len(churned)} labelled rows{whose}, {int(churned.sum())} churned; the model "
        f"needs {settings.min_rows} with {settings.min_class_rows} of either"
    )


def _recency(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    return inputs.numbers[rows, NAMES.index("recency_days")]


def _unknown(inputs: Inputs) -> Model:
    is_closed = ~np.isnan(inputs.churned)
    if not is_closed.any():
        reason = "no closed label"
    elif not (is_closed & inputs.is_eligible).any():
        reason = "no closed label of an eligible user"
    else:
        reason = "no label closed in time"
    rates = np.full(len(baselines.RECENCY_BUCKETS), np.nan)
    return Model(
        "none", f"none: {reason}", 0, np.nan, rates, np.nan, [], np.empty(0), 0.0
    )


def _baseline(
    inputs: Inputs, rows: np.ndarray, settings: Settings, horizon_days: int
) -> Model:
    """The scorer of `rows` but for its coefficients, and the kind that they allow."""
    churned, recency = inputs.churned[rows], _recency(inputs, rows)
    if churned.min() == churned.max():
        kind = "base_rate"
        outcome = "churned" if churned[0] else "stayed"
        reason = f": all {len(rows)} labelled rows {outcome}"
    elif not enough(churned, settings):
        kind = "recency_rule"
        reason = f": {_too_few(churned, settings)}"
    else:
        kind, reason = "logistic", ""
    known = recency[~np.isnan(recency)]
    return Model(
        kind=kind,
        version=f"{kind}-{fingerprint(inputs, rows, horizon_days, settings)}{reason}",
        training_rows=len(rows),
        base_rate=baselines.base_rate(churned),
        recency_rates=baselines.recency_rates(recency, churned),
        typical_recency=float(np.median(known)) if len(known) else np.nan,
        columns=[],
        coefficients=np.empty(0),
        intercept=0.0,
    )
