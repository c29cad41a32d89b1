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

from ml import churn, frames, progress, splits
from ml.candidates import BASELINES, KINDS
from ml.churn import DEFAULTS, Settings
from ml.features import KEYS, Inputs, prepare

# Users who are not eligible have one learned model, their own, whatever is shipped.
NEW_USER_KINDS = (*BASELINES, "logistic")
MODELS = (*KINDS, "shipped", "frozen")
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
COMPARISONS = (
    ("shipped", "recency_rule"),
    ("shipped", "rfm_logistic"),
    ("frozen", "shipped"),
)
COMPARED = ("roc_auc", "pr_auc", "lift_at_10", "log_loss", "brier", "brier_skill")
# A model this good beside a recency rule that is not has most likely seen the label.
LEAKING_AUC, HONEST_RECENCY_AUC = 0.95, 0.9
CONTACTED = 0.1
# Values held at once while resampling: about 16 MB per array.
CHUNK_VALUES = 2_000_000

PREDICTION_TYPES = {
    "split": "string",
    "user_id": "string",
    "as_of_date": "datetime64[us]",
    "is_new_user": "boolean",
    "is_churned": "boolean",
    **dict.fromkeys(KINDS, "Float64"),
    "frozen": "Float64",
}
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


def predict_later_dates(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    labels: pd.DataFrame,
    horizon_days: int,
    test_dates: int = 3,
    selection_dates: int = 3,
    settings: Settings = DEFAULTS,
) -> pd.DataFrame:
    """What each candidate would have said on later dates; columns: PREDICTION_TYPES.

    Frames as in `churn.score_users`. One row per user x as_of_date with a closed label:
    split 'test' on the last `test_dates` as_of_dates that can be tested; 'selection' on
    the last `selection_dates` whose labels had closed when the first of those came. On
    each, everything is learnt anew from the labels known by then.

    A candidate is NULL where it could not be learnt by that date. New users have the
    baselines of new users, and their own model as 'logistic'. 'frozen' is NULL, see
    `add_frozen`.
    No rows where no date can be tested. A wrong column or argument raises ValueError.
    """
    churn.check_arguments(horizon_days, settings)
    frames.require_whole_number("test_dates", test_dates, 1)
    frames.require_whole_number("selection_dates", selection_dates, 1)
    inputs = prepare(features, usage, labels)
    dates = inputs.as_of_date
    known = ~np.isnan(inputs.churned) & inputs.is_eligible
    tested = splits.evaluation_dates(dates, known, horizon_days, test_dates)
    chosen_on = splits.selection_dates(
        dates, known, tested, horizon_days, selection_dates
    )
    splits_and_dates = [("selection", date) for date in chosen_on]
    splits_and_dates += [("test", date) for date in tested]
    with frames.one_thread():
        parts = [
            _predict_date(inputs, date, split, horizon_days, settings)
            for split, date in progress.steps("Learning by date", splits_and_dates)
        ]
    if not parts:
        return frames.typed({name: [] for name in PREDICTION_TYPES}, PREDICTION_TYPES)
    return pd.concat(parts, ignore_index=True)


def add_frozen(
    predictions: pd.DataFrame,
    model: churn.Model,
    trained_at: np.datetime64,
    features: pd.DataFrame,
    usage: pd.DataFrame,
) -> pd.DataFrame:
    """The predictions, with what a model that is kept says of them as 'frozen'.

    Only of the test dates that are not before the model was trained: of earlier ones it
    has seen outcomes, or was chosen on them. NULL elsewhere. Frames as in
    `churn.score_users`; rows that are not in `features` stay NULL.
    """
    inputs = prepare(features, usage)
    rows = np.flatnonzero(inputs.as_of_date >= trained_at)
    with frames.one_thread():
        probability = churn.predict(model, inputs, rows)
    known = frames.typed(
        {
            "user_id": inputs.user_id[rows],
            "as_of_date": inputs.as_of_date[rows],
            "frozen": probability,
        },
        {name: PREDICTION_TYPES[name] for name in (*KEYS, "frozen")},
    )
    merged = predictions.drop(columns="frozen").merge(known, on=KEYS, how="left")
    is_tested = merged["split"].eq("test").astype(bool)
    merged["frozen"] = merged["frozen"].where(is_tested)
    return merged[list(PREDICTION_TYPES)]


def backtest(
    predictions: pd.DataFrame,
    champion: str,
    resamples: int = 200,
    seed: int = 20240229,
) -> pd.DataFrame:
    """Metrics of the candidates and of what is shipped, model x split x metric.

    `predictions`: as `predict_later_dates` gives them. `champion`: the kind that is
    shipped; where it could not be learnt, the recency rule or the base rate was.
    Columns: METRIC_TYPES. Splits: 'test', the eligible rows of all test dates;
    'test 2026-05-03', those of one of them; 'test new users', the rows of all of them
    that are not eligible; 'frozen' and 'frozen new users', those of the test dates of
    which `add_frozen` has made predictions, so that all models there are compared on
    the same rows. `ci_low` and `ci_high` are the 2.5 % and 97.5 % points over
    `resamples` resamples of users. Differences of what is shipped are named like
    'roc_auc_minus_recency_rule', those of the frozen model 'roc_auc_minus_shipped'.
    'leakage_warning' is 1 where a learned model is too good to be true.

    NULL where a metric is not defined: one class only, no spread of scores, or a model
    that could not be learnt by one of the dates. A wrong column or argument raises
    ValueError.
    """
    frames.require_columns(predictions, "predictions", list(PREDICTION_TYPES))
    if champion not in KINDS:
        allowed = ", ".join(KINDS)
        raise ValueError(f"champion: given {champion!r}, allowed are: {allowed}.")
    frames.require_whole_number("resamples", resamples, 1)
    frames.require_whole_number("seed", seed, 0)
    tested = _tested(predictions, champion)
    rows = []
    with frames.one_thread():
        for split, chosen in progress.steps("Measuring", _splits(tested).items()):
            rows += _split_metrics(split, tested[chosen], resamples, seed)
    columns = list(zip(*rows, strict=True)) or [[]] * len(METRIC_TYPES)
    return frames.typed(
        dict(zip(METRIC_TYPES, columns, strict=True)),
        METRIC_TYPES,
    )


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
    inputs: Inputs,
    date: np.datetime64,
    split: str,
    horizon_days: int,
    settings: Settings,
) -> pd.DataFrame:
    models = churn.fit_kinds(inputs, date, horizon_days, settings)
    rows = np.flatnonzero((inputs.as_of_date == date) & ~np.isnan(inputs.churned))
    is_new = ~inputs.is_eligible[rows]
    predicted = {kind: np.full(len(rows), np.nan) for kind in KINDS}
    for kind, model in models.items():
        if model.kind == kind:
            predicted[kind][~is_new] = churn.predict(model, inputs, rows[~is_new])
    of_new_users = models["logistic"].new_users
    for kind in NEW_USER_KINDS:
        # A kind stands for the simpler ones, but not for those that it fell back from.
        if KINDS.index(kind) <= KINDS.index(of_new_users.kind):
            model = of_new_users._replace(kind=kind)
            predicted[kind][is_new] = churn.predict(model, inputs, rows[is_new])
    return frames.typed(
        {
            "split": [split] * len(rows),
            "user_id": inputs.user_id[rows],
            "as_of_date": inputs.as_of_date[rows],
            "is_new_user": is_new,
            "is_churned": inputs.churned[rows] == 1,
            **predicted,
            "frozen": np.full(len(rows), np.nan),
        },
        PREDICTION_TYPES,
    )


def _tested(predictions: pd.DataFrame, champion: str) -> pd.DataFrame:
    """The test rows as numbers, in a fixed order, with a column of what is shipped."""
    rows = predictions[predictions["split"].eq("test").astype(bool)]
    rows = rows.sort_values(KEYS[::-1], ignore_index=True)
    probabilities = rows[list(KINDS)].astype("Float64").astype("float64")
    is_new = rows["is_new_user"].astype(bool)
    shipped = probabilities[champion].where(~is_new, probabilities["logistic"])
    for simpler in reversed(BASELINES):
        shipped = shipped.fillna(probabilities[simpler])
    return pd.DataFrame(
        {
            "user_id": rows["user_id"].astype(object),
            "as_of_date": pd.to_datetime(rows["as_of_date"]),
            "is_new_user": is_new,
            "churned": rows["is_churned"].astype("float64"),
            **probabilities,
            "shipped": shipped,
            "frozen": rows["frozen"].astype("Float64").astype("float64"),
        }
    )


def _splits(tested: pd.DataFrame) -> dict[str, pd.Series]:
    """Split name -> which rows it has."""
    if tested.empty:
        return {}
    is_new = tested["is_new_user"]
    chosen = {"test": ~is_new}
    for date in sorted(tested["as_of_date"].unique()):
        chosen[f"test {date:%Y-%m-%d}"] = ~is_new & (tested["as_of_date"] == date)
    chosen["test new users"] = is_new
    is_frozen = tested["frozen"].notna()
    if is_frozen.any():
        chosen["frozen"] = ~is_new & is_frozen
        chosen["frozen new users"] = is_new & is_frozen
    return chosen


def _split_metrics(
    split: str, rows: pd.DataFrame, resamples: int, seed: int
) -> list[tuple]:
    """The output rows of one split, in the order of METRIC_TYPES."""
    count = len(rows)
    rate = rows["churned"].mean() if count else np.nan
    models = (*(NEW_USER_KINDS if split.endswith("new users") else KINDS), "shipped")
    if split.startswith("frozen"):
        models += ("frozen",)
    # One user drawn again and again would look like certainty.
    resamples = resamples if rows["user_id"].nunique() > 1 else 0
    lines: dict[str, dict[str, np.ndarray]] = {}
    for model in models:
        same = [known for known in lines if rows[known].equals(rows[model])]
        lines[model] = lines[same[0]] if same else _lines(rows, model, resamples, seed)
    # Scores that differ by date only say nothing of how they spread over users.
    lines["base_rate"]["calibration_slope"][:] = np.nan
    result = [
        (model, split, metric, *_interval(of_model[metric]), count, rate)
        for model, of_model in lines.items()
        for metric in METRICS
    ]
    for model, other in COMPARISONS:
        for metric in COMPARED:
            if model in lines and other in lines:
                difference = lines[model][metric] - lines[other][metric]
                name = f"{metric}_minus_{other}"
                result.append((model, split, name, *_interval(difference), count, rate))
    recency = lines["recency_rule"]["roc_auc"][0]
    for model in lines:
        if model not in BASELINES:
            auc = lines[model]["roc_auc"][0]
            leaks = float((auc > LEAKING_AUC) & (recency < HONEST_RECENCY_AUC))
            warning = (model, split, "leakage_warning", leaks, np.nan, np.nan)
            result.append((*warning, count, rate))
    return result


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
