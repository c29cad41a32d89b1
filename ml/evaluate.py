"""How well the model would have done, beside what it has to beat, with intervals.

Rolling origin: for each of the last closed as_of_dates everything is fitted anew on the
labels known by then. Nothing is tuned on these dates. Intervals resample users, not
rows, because one user's weeks are not independent, and the models share each resample,
so that differences are paired.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from ml import churn, frames, splits
from ml.churn import DEFAULTS, Settings
from ml.features import Inputs, prepare

MODELS = ("logistic", "recency_rule", "base_rate")
METRICS = (
    "roc_auc",
    "pr_auc",
    "lift_at_10",
    "capture_at_10",
    "log_loss",
    "brier",
    "brier_skill",
    "calibration_slope",
    "calibration_intercept",
)
COMPARED = ("roc_auc", "pr_auc", "lift_at_10", "log_loss", "brier", "brier_skill")
# A model this good beside a recency rule that is not has most likely seen the label.
LEAKING_AUC, HONEST_RECENCY_AUC = 0.95, 0.9
CONTACTED = 0.1
# Values held at once while resampling: about 16 MB per array.
CHUNK_VALUES = 2_000_000

METRIC_TYPES = {
    "model": "string",
    "split": "string",
    "metric": "string",
    "value": "Float64",
    "ci_low": "Float64",
    "ci_high": "Float64",
    "rows": "Int64",
    "base_rate": "Float64",
}


class Tallies(NamedTuple):
    """Rows and churned rows by distinct probability, one line per resample."""

    probability: np.ndarray  # (distinct,) from the highest to the lowest
    rows: np.ndarray  # (resamples, distinct)
    churned: np.ndarray  # (resamples, distinct)


def backtest(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    horizon_days: int,
    test_dates: int = 3,
    resamples: int = 200,
    seed: int = 20240229,
    settings: Settings = DEFAULTS,
) -> pd.DataFrame:
    """Metrics of the model and its baselines on later dates, model x split x metric.

    Frames as in `churn.score_users`. Columns: METRIC_TYPES. Splits: 'test', the
    eligible rows of the last `test_dates` closed as_of_dates; 'test 2026-05-03', those
    of one of them; 'test new users', the rows of all of them that are not eligible.
    `ci_low` and `ci_high` are the 2.5 % and 97.5 % points over `resamples` resamples
    of users. The baselines learn from the rows that the model learns from, those for
    new users from new users. Differences are named like 'roc_auc_minus_recency_rule'.
    'leakage_warning' is 1 where the model is too good to be true.

    NULL where a metric is not defined: one class only, no spread of scores, or the
    logistic model's where a date has too few labels to train it. No rows at all where
    no date can be tested. A wrong column or argument raises ValueError.
    """
    churn.check_arguments(horizon_days, settings)
    frames.require_whole_number("test_dates", test_dates, 1)
    frames.require_whole_number("resamples", resamples, 1)
    frames.require_whole_number("seed", seed, 0)
    inputs = prepare(features, usage, labels)
    tested = predictions(inputs, horizon_days, test_dates, settings)
    rows = []
    with frames.one_thread():
        for split, chosen in _splits(tested).items():
            rows += _split_metrics(split, tested[chosen], resamples, seed)
    columns = list(zip(*rows, strict=True)) or [[]] * len(METRIC_TYPES)
    return frames.typed(
        dict(zip(METRIC_TYPES, columns, strict=True)),
        METRIC_TYPES,
    )


def predictions(
    inputs: Inputs, horizon_days: int, test_dates: int, settings: Settings = DEFAULTS
) -> pd.DataFrame:
    """Probabilities by every model for the closed rows of the last test dates.

    One row per user x as_of_date: user_id, as_of_date, is_eligible, churned (0/1) and a
    column per model of MODELS, NaN where that model could not be trained by the date.
    """
    is_closed = ~np.isnan(inputs.churned)
    is_known = is_closed & inputs.is_eligible
    dates = splits.evaluation_dates(
        inputs.as_of_date, is_known, horizon_days, test_dates
    )
    parts = [_predict_date(inputs, date, horizon_days, settings) for date in dates]
    if not parts:
        parts = [_prediction_frame(inputs, np.empty(0, dtype="int64"), {})]
    return pd.concat(parts, ignore_index=True)


def metrics(tallies: Tallies) -> dict[str, np.ndarray]:
    """Every metric of METRICS, one value per resample, NaN where it is not defined.

    Equal probabilities share a rank: curves step over them at once, and the top tenth
    takes a part of the tie that it cuts, so a constant score has lift 1. brier_skill is
    1 - Brier / Brier of the split's own base rate. calibration_slope is the slope of
    the labels' logistic regression on the log-odds, 1 when calibrated;
    calibration_intercept is its intercept with the slope held at 1, 0 when calibrated.
    """
    churned, stayed = tallies.churned, tallies.rows - tallies.churned
    with np.errstate(divide="ignore", invalid="ignore"):
        values = _ranking(churned, stayed) | _losses(tallies)
    slope, intercept = _calibration(tallies)
    values |= {"calibration_slope": slope, "calibration_intercept": intercept}
    return {name: np.where(np.isfinite(v), v, np.nan) for name, v in values.items()}


def tally(probability: np.ndarray, churned: np.ndarray, weights: np.ndarray) -> Tallies:
    """Sum (resamples, n) row weights by distinct probability, highest first."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    weights = weights[:, order]
    return Tallies(
        ordered[starts],
        np.add.reduceat(weights, starts, axis=1),
        np.add.reduceat(weights * churned[order], starts, axis=1),
    )


def user_weights(
    user_id: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """How often each row is in each resample of users, (resamples, n).

    All rows of a user are drawn together.
    """
    code, users = pd.factorize(user_id)
    draws = generator.integers(0, len(users), size=(resamples, len(users)))
    counts = np.stack([np.bincount(draw, minlength=len(users)) for draw in draws])
    return counts[:, code].astype("float64")


def _predict_date(
    inputs: Inputs, date: np.datetime64, horizon_days: int, settings: Settings
) -> pd.DataFrame:
    model = churn.fit(inputs, date, horizon_days, settings)
    rows = np.flatnonzero((inputs.as_of_date == date) & ~np.isnan(inputs.churned))
    simpler = {
        kind: churn.predict(churn.simpler(model, kind), inputs, rows)
        for kind in ("recency_rule", "base_rate")
    }
    champion = churn.predict(model, inputs, rows)
    for part, chosen in churn.parts(model, inputs, rows):
        if part.kind != "logistic":
            champion[chosen] = np.nan
    return _prediction_frame(inputs, rows, {"logistic": champion, **simpler})


def _prediction_frame(
    inputs: Inputs, rows: np.ndarray, probabilities: dict[str, np.ndarray]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": inputs.user_id[rows],
            "as_of_date": inputs.as_of_date[rows].astype("datetime64[s]"),
            "is_eligible": inputs.is_eligible[rows],
            "churned": inputs.churned[rows],
            **{name: probabilities.get(name, np.empty(0)) for name in MODELS},
        }
    )


def _splits(tested: pd.DataFrame) -> dict[str, pd.Series]:
    """Split name -> which rows it has."""
    if tested.empty:
        return {}
    chosen = {"test": tested["is_eligible"]}
    for date in sorted(tested["as_of_date"].unique()):
        on_date = tested["as_of_date"] == date
        chosen[f"test {date:%Y-%m-%d}"] = tested["is_eligible"] & on_date
    return chosen | {"test new users": ~tested["is_eligible"]}


def _split_metrics(
    split: str, rows: pd.DataFrame, resamples: int, seed: int
) -> list[tuple]:
    """The output rows of one split, in the order of METRIC_TYPES."""
    count = len(rows)
    rate = rows["churned"].mean() if count else np.nan
    # Line 0 of every array is the sample itself, the others are the resamples.
    lines = {name: _lines(rows, name, resamples, seed) for name in MODELS}
    # Scores that differ by date only say nothing of how they spread over users.
    lines["base_rate"]["calibration_slope"][:] = np.nan
    result = [
        (model, split, metric, *_interval(lines[model][metric]), count, rate)
        for model in MODELS
        for metric in METRICS
    ]
    champion, recency = lines["logistic"], lines["recency_rule"]
    for metric in COMPARED:
        interval = _interval(champion[metric] - recency[metric])
        name = f"{metric}_minus_recency_rule"
        result.append(("logistic", split, name, *interval, count, rate))
    leaks = (champion["roc_auc"][0] > LEAKING_AUC) & (
        recency["roc_auc"][0] < HONEST_RECENCY_AUC
    )
    warning = ("logistic", split, "leakage_warning", float(leaks), np.nan, np.nan)
    return [*result, (*warning, count, rate)]


def _lines(
    rows: pd.DataFrame, model: str, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Metric -> (1 + resamples,) values: the sample, then the resamples of its users.

    The seed alone decides the resamples, so every model of a split gets the same ones.
    """
    probability = rows[model].to_numpy()
    if not len(rows) or np.isnan(probability).any():
        return {name: np.full(1 + resamples, np.nan) for name in METRICS}
    churned = rows["churned"].to_numpy()
    user_id = rows["user_id"].to_numpy(dtype=object)
    generator = np.random.default_rng(seed)
    parts = [metrics(tally(probability, churned, np.ones((1, len(rows)))))]
    size = max(1, CHUNK_VALUES // len(rows))
    for start in range(0, resamples, size):
        chunk = min(size, resamples - start)
        weights = user_weights(user_id, chunk, generator)
        parts.append(metrics(tally(probability, churned, weights)))
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def _interval(line: np.ndarray) -> tuple[float, float, float]:
    """Value and 95 % percentile interval; none where most resamples are undefined."""
    value, resampled = line[0], line[1:][~np.isnan(line[1:])]
    if np.isnan(value) or 2 * len(resampled) < len(line) - 1 or len(resampled) < 2:
        return value, np.nan, np.nan
    low, high = np.quantile(resampled, [0.025, 0.975])
    return value, low, high


def _ranking(churned: np.ndarray, stayed: np.ndarray) -> dict[str, np.ndarray]:
    positives, negatives = churned.sum(axis=1), stayed.sum(axis=1)
    churned_so_far = churned.cumsum(axis=1)
    stayed_so_far = stayed.cumsum(axis=1)
    ranked_below = negatives[:, None] - stayed_so_far + stayed / 2
    precision = np.where(
        churned_so_far > 0, churned_so_far / (churned_so_far + stayed_so_far), 0.0
    )
    rows = churned + stayed
    above = churned_so_far + stayed_so_far - rows
    contacted = CONTACTED * (positives + negatives)[:, None]
    part = np.where(rows > 0, np.clip((contacted - above) / rows, 0, 1), 0.0)
    capture = (churned * part).sum(axis=1) / positives
    return {
        "roc_auc": (churned * ranked_below).sum(axis=1) / (positives * negatives),
        "pr_auc": (churned * precision).sum(axis=1) / positives,
        "lift_at_10": capture / CONTACTED,
        "capture_at_10": capture,
    }


def _losses(tallies: Tallies) -> dict[str, np.ndarray]:
    p, churned, rows = tallies.probability, tallies.churned, tallies.rows
    total = rows.sum(axis=1)
    stayed = rows - churned
    likelihood = churned * np.log(p) + stayed * np.log1p(-p)
    brier = (churned * (1 - p) ** 2 + stayed * p**2).sum(axis=1) / total
    rate = churned.sum(axis=1) / total
    return {
        "log_loss": -likelihood.sum(axis=1) / total,
        "brier": brier,
        "brier_skill": 1 - brier / (rate * (1 - rate)),
    }


def _calibration(tallies: Tallies) -> tuple[np.ndarray, np.ndarray]:
    """Slope, and intercept at slope 1, of labels on log-odds, by Newton's method."""
    log_odds = logit(tallies.probability)
    churned, rows = tallies.churned, tallies.rows
    both = (churned.sum(axis=1) > 0) & ((rows - churned).sum(axis=1) > 0)
    intercept = _newton(rows, churned, log_odds, np.ones((1, len(log_odds))))
    slope = np.full(len(rows), np.nan)
    if len(log_odds) > 1:
        design = np.stack([np.ones(len(log_odds)), log_odds])
        slope = _newton(rows, churned, np.zeros(len(log_odds)), design)[:, 1]
    return np.where(both, slope, np.nan), np.where(both, intercept[:, 0], np.nan)


def _newton(
    rows: np.ndarray, churned: np.ndarray, offset: np.ndarray, design: np.ndarray
) -> np.ndarray:
    """Logistic regressions with an offset, one per line, (resamples, coefficients).

    NaN where it does not converge, as when the scores separate the classes.
    """
    count = len(design)
    weights = np.zeros((len(rows), count))
    pairs = (design[:, None, :] * design[None, :, :]).reshape(count**2, -1)
    step = np.full_like(weights, np.inf)
    for _ in range(30):
        p = expit(offset + weights @ design)
        slope = (churned - rows * p) @ design.T
        curvature = ((rows * p * (1 - p)) @ pairs.T).reshape(-1, count, count)
        # Keeps a line with one class, whose answer is not used, solvable.
        curvature += 1e-10 * np.eye(count)
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        weights += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    is_converged = (np.abs(step) < 1e-6).all(axis=1, keepdims=True)
    return np.where(is_converged, weights, np.nan)
