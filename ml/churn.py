"""Fit, calibrate and score churn, and say why.

Which kind of model scores is chosen on earlier dates, see `ml.choice`. Whoever has too
little data for it gets a simpler scorer, and `model_version` says which and why.

Users too new to have habits have a model of their own, see `fit_new_users`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier

from ml import baselines, candidates, frames, reasons, splits
from ml.calibration import calibrate, enough
from ml.candidates import KINDS, LEARNED, Learnt, Settings
from ml.features import (
    NAMES,
    Column,
    Inputs,
    data_hash,
    design_matrix,
    newest_date,
    prepare,
)

# Raised when the same data and settings start to give other scores.
METHOD_VERSION = 3
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

DEFAULTS = Settings()


class Model(NamedTuple):
    """A fitted scorer: plain data, but for the trees of boosted trees.

    The probability of a learned kind is expit(shift + slope * log-odds), where the
    log-odds are intercept + sum(coefficients * design matrix), or what the trees say.
    """

    kind: str  # one of KINDS, or 'none'
    version: str
    training_rows: int
    base_rate: float  # NaN for 'none'
    recency_rates: np.ndarray  # per baselines.RECENCY_BUCKETS
    typical_recency: float
    columns: list[Column]
    coefficients: np.ndarray
    intercept: float
    trees: HistGradientBoostingClassifier | None = None  # of 'boosted_trees' alone
    shift: float = 0.0
    slope: float = 1.0
    new_users: "Model | None" = None  # scores the rows that are not eligible


def score_users(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    horizon_days: int,
    settings: Settings = DEFAULTS,
    kind: str = "logistic",
) -> pd.DataFrame:
    """Learn, and score every row of the newest as_of_date; see `train` and `score`.

    `features`: user x as_of_date; `usage`: user x as_of_date x event_name, counts in 28
    days; `labels`: user x as_of_date. A wrong column or argument raises ValueError.
    """
    check_arguments(horizon_days, settings, kind)
    inputs = prepare(features, usage, labels)
    at = newest_date(inputs)
    if at is None:
        return ranked([])
    model = fit(inputs, at, horizon_days, settings, kind)
    return ranked([_score_rows(model, inputs, np.flatnonzero(inputs.as_of_date == at))])


def train(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    at: np.datetime64,
    horizon_days: int,
    settings: Settings = DEFAULTS,
    kind: str = "logistic",
) -> Model:
    """The model of a kind that the labels known by the day `at` allow.

    Frames as in `score_users`, of which rows later than the embargo are not used. It
    learns from rows with a closed label at least `horizon_days` before `at`: for
    eligible users from eligible rows, for new users from the others. A wrong column or
    argument raises ValueError.
    """
    check_arguments(horizon_days, settings, kind)
    return fit(prepare(features, usage, labels), at, horizon_days, settings, kind)


def score(model: Model, features: pd.DataFrame, usage: pd.DataFrame) -> pd.DataFrame:
    """Scores of every row of `features`, in any number of parts: see `ranked`.

    churn_probability: calibrated chance of no activity in the horizon, in (0, 1).
    risk_band: 'high' from twice the odds of the base rate among the eligible training
    rows, 'low' up to half of them, else 'medium': the same limits for all, so that a
    band means the same. model_version is that of the model that scored the user.
    Without any closed label of an eligible user the probability is NULL, the band is
    'unknown' and the version 'none: ...'. A wrong column raises ValueError.
    """
    inputs = prepare(features, usage)
    return _score_rows(model, inputs, np.arange(len(inputs.user_id)))


def ranked(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Scores of one as_of_date put together, see SCORE_TYPES, with their deciles.

    risk_decile: 10 is the tenth of users with the highest risk, ties by user_id.
    """
    parts = [part for part in parts if len(part)]
    if not parts:
        return frames.typed({name: [] for name in SCORE_TYPES}, SCORE_TYPES)
    scores = pd.concat(parts, ignore_index=True)
    scores = scores.sort_values("user_id", kind="stable", ignore_index=True)
    probability = scores["churn_probability"].to_numpy("float64", na_value=np.nan)
    scores["risk_decile"] = risk_deciles(probability)
    return scores[list(SCORE_TYPES)]


def _score_rows(model: Model, inputs: Inputs, rows: np.ndarray) -> pd.DataFrame:
    """Everything of SCORE_TYPES but the decile, which is known of all users only."""
    with frames.one_thread():
        probability = predict(model, inputs, rows)
        told = explain(model, inputs, rows)
    versions = np.full(len(rows), model.version, dtype=object)
    for part, chosen in parts(model, inputs, rows):
        versions[chosen] = part.version
    types = {name: t for name, t in SCORE_TYPES.items() if name != "risk_decile"}
    return frames.typed(
        {
            "user_id": inputs.user_id[rows],
            "as_of_date": inputs.as_of_date[rows],
            "churn_probability": probability,
            "risk_band": risk_bands(probability, model.base_rate),
            "top_reason_1": told[:, 0],
            "top_reason_2": told[:, 1],
            "top_reason_3": told[:, 2],
            "model_version": versions,
            "is_new_user": ~inputs.is_eligible[rows],
        },
        types,
    )


def check_arguments(
    horizon_days: int, settings: Settings, kind: str = "logistic"
) -> None:
    """Raise ValueError naming the first argument that is not allowed."""
    if kind not in KINDS:
        allowed = ", ".join(KINDS)
        raise ValueError(f"kind: given {kind!r}, allowed are: {allowed}.")
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
    inputs: Inputs,
    at: np.datetime64,
    horizon_days: int,
    settings: Settings = DEFAULTS,
    kind: str = "logistic",
) -> Model:
    """The model of a kind that the labels known by `at` allow: the same code trains the
    model that scores and, at earlier dates, those that are tested.
    """
    return fit_kinds(inputs, at, horizon_days, settings, (kind,))[kind]


def fit_kinds(
    inputs: Inputs,
    at: np.datetime64,
    horizon_days: int,
    settings: Settings = DEFAULTS,
    kinds: Iterable[str] = KINDS,
) -> dict[str, Model]:
    """A model per kind, all of the same rows; a simpler one where they are too few."""
    kinds = tuple(kinds)
    with frames.one_thread():
        rows = training_rows(inputs, at, horizon_days)
        if not len(rows):
            return dict.fromkeys(kinds, _unknown(inputs))
        mark = fingerprint(inputs, rows, horizon_days, settings)
        models = {kind: _baseline(inputs, rows, settings, mark, kind) for kind in kinds}
        learned = [kind for kind, model in models.items() if model.kind in LEARNED]
        if learned:
            sigmoids = calibrate(learned, inputs, rows, horizon_days, settings)
            learnt = candidates.learn(learned, inputs, rows, settings)
            for kind in learned:
                models[kind] = _with_learnt(models[kind], learnt[kind], *sigmoids[kind])
        new_users = fit_new_users(inputs, at, horizon_days, settings)
    return {k: model._replace(new_users=new_users) for k, model in models.items()}


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
        mark = fingerprint(inputs, rows, horizon_days, settings)
        model = _baseline(inputs, rows, settings, mark, "logistic")
        columns = [
            column
            for column in candidates.all_columns(inputs, rows, settings)
            if column.kind == "segment"
            or (column.kind == "number" and column.source in NEW_USER_FEATURES)
        ]
        matrix = design_matrix(columns, inputs, rows)
        churned = inputs.churned[rows].astype("int64")
        return _with_learnt(
            model, candidates.learn_weights(columns, matrix, churned, settings)
        )
    mark = fingerprint(inputs, known, horizon_days, settings)
    model = _baseline(inputs, known, settings, mark, "recency_rule")
    if model.kind != "recency_rule":
        return model
    reason = _too_few(inputs.churned[rows], settings, " of new users")
    return model._replace(version=f"{model.version}: {reason}")


def parts(
    model: Model, inputs: Inputs, rows: np.ndarray
) -> Iterator[tuple[Model, np.ndarray]]:
    """The model of each kind of user, with the positions in `rows` that it scores."""
    is_new = ~inputs.is_eligible[rows] & (model.new_users is not None)
    yield model, np.flatnonzero(~is_new)
    if model.new_users is not None:
        yield model.new_users, np.flatnonzero(is_new)


def predict(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Calibrated probabilities of `rows`, in (0, 1), NaN where the model is 'none'."""
    probability = np.full(len(rows), np.nan)
    for part, chosen in parts(model, inputs, rows):
        probability[chosen] = _predict_part(part, inputs, rows[chosen])
    probability = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return frames.round_significant(probability)


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


def fingerprint(
    inputs: Inputs, rows: np.ndarray, horizon_days: int, settings: Settings
) -> str:
    """Eight hex digits of the training rows, the settings and the feature names."""
    facts = [METHOD_VERSION, horizon_days, list(settings), data_hash(inputs, rows)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]


def _predict_part(model: Model, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    if model.kind in LEARNED:
        matrix = design_matrix(model.columns, inputs, rows)
        return expit(model.shift + model.slope * candidates.log_odds(model, matrix))
    if model.kind == "recency_rule":
        return model.recency_rates[baselines.recency_bucket(_recency(inputs, rows))]
    return np.full(len(rows), model.base_rate)


def _explain_part(
    model: Model, inputs: Inputs, rows: np.ndarray, among: str
) -> np.ndarray:
    if model.kind in LEARNED:
        return reasons.top_reasons(model, model.columns, inputs, rows, among)
    told = np.full((len(rows), reasons.TOP), None, dtype=object)
    if model.kind == "recency_rule":
        recency = _recency(inputs, rows)
        rates = model.recency_rates[baselines.recency_bucket(recency)]
        raised = logit(rates) - logit(model.base_rate) >= reasons.LEAST_CONTRIBUTION
        for row in np.flatnonzero(raised & (recency > model.typical_recency)):
            told[row, 0] = reasons.recency_reason(recency[row], model.typical_recency)
    return told


def _with_learnt(
    model: Model, learnt: Learnt, shift: float = 0.0, slope: float = 1.0
) -> Model:
    """The model with what it has learnt, the base rate where there is no column."""
    if not learnt.columns:
        version = model.version.replace(model.kind, "base_rate")
        return model._replace(kind="base_rate", version=f"{version}: no feature varies")
    return model._replace(**learnt._asdict(), shift=shift, slope=slope)


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
    inputs: Inputs,
    rows: np.ndarray,
    settings: Settings,
    mark: str,
    wanted: str,
) -> Model:
    """The scorer of `rows` but for what it learns, of the kind that they allow.

    `mark` is the `fingerprint` of the rows.
    """
    churned, recency = inputs.churned[rows], _recency(inputs, rows)
    kind, reason = wanted, ""
    if churned.min() == churned.max() and wanted != "base_rate":
        outcome = "churned" if churned[0] else "stayed"
        kind, reason = "base_rate", f": all {len(rows)} labelled rows {outcome}"
    elif wanted in LEARNED and not enough(churned, settings):
        kind, reason = "recency_rule", f": {_too_few(churned, settings)}"
    known = recency[~np.isnan(recency)]
    if kind == "recency_rule" and len(np.unique(known)) < 2:
        kind, reason = "base_rate", f"{reason}: recency does not vary"
    return Model(
        kind=kind,
        version=f"{kind}-{mark}{reason}",
        training_rows=len(rows),
        base_rate=baselines.base_rate(churned),
        recency_rates=baselines.recency_rates(recency, churned),
        typical_recency=float(np.median(known)) if len(known) else np.nan,
        columns=[],
        coefficients=np.empty(0),
        intercept=0.0,
    )
