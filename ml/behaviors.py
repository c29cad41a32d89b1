"""What of a behaviour's association with staying is left once all else is held equal.

Who does one thing often does everything often, and stays. So each behaviour (an event, at
least so many times in a user's first days) has a logistic regression of staying on it and
on what else is known of those days: how much else the user did, on how many of them, how
late, when they joined, and their segments. Its coefficient is told as the difference of two
mean predictions, everyone doing it and nobody (g-computation).

Earlier cohorts discover: every behaviour is tested, the false discovery rate controlled,
and each event's best threshold chosen. Later cohorts confirm: the chosen ones alone are
estimated anew, so that the winner's luck is not in the estimate. All cohorts together say
what remains when the other behaviours that were found are held equal, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit, ndtr

from ml import frames
from ml.features import POOLED_LEVEL, segment_levels

DISCOVERY, CONFIRMATION = "discovery", "confirmation"
# Of the normal prior of each log odds ratio, per standard deviation of a covariate. It
# moves nothing that a few dozen users tell and keeps what all or none of them tell finite
# (Gelman et al. 2008 suggest 2.5 as a scale that almost no effect exceeds).
PRIOR_DEVIATION = 2.5
TOP_LEVELS = 10  # of a segment; the others are pooled
RARE_LEVEL_USERS = 20  # levels with fewer are pooled, too
NEWTON_STEPS = 100
LARGEST_STEP = 2.0

USER_COLUMNS = (
    "user_id",
    "segments",
    "cohort",
    "active_days",
    "last_active_day",
    "event_count",
    "is_retained",
    "cohort_date",
)
ESTIMATE_TYPES = {
    "event_name": "string",
    "threshold": "Int64",
    "adjusted_risk_difference": "Float64",
    "ci_low": "Float64",
    "ci_high": "Float64",
    "p_value": "Float64",
    "q_value": "Float64",
    "is_best_threshold": "boolean",
    "confirmed_risk_difference": "Float64",
    "confirmed_ci_low": "Float64",
    "confirmed_ci_high": "Float64",
    "confirmed_risk_without": "Float64",
    "confirmed_risk_ratio": "Float64",
    "risk_ratio_low": "Float64",
    "risk_ratio_high": "Float64",
    "independent_risk_difference": "Float64",
    "independent_ci_low": "Float64",
    "independent_ci_high": "Float64",
    "adjusted_users": "Int64",
}


class Inputs(NamedTuple):
    """Users and what they did, n rows sorted by user_id."""

    is_retained: np.ndarray  # (n,) 1.0 or 0.0
    is_discovery: np.ndarray  # (n,) bool
    event_count: np.ndarray  # (n,)
    covariates: np.ndarray  # (n, k) all but the amount of other activity
    counts: sparse.csc_array  # (n, events)
    events: list[str]  # sorted


class Behavior(NamedTuple):
    """An event done at least `threshold` times."""

    event: str
    threshold: int


class Sample(NamedTuple):
    """The rows of `Inputs` that an estimate is made on, covariates standardised."""

    rows: np.ndarray
    is_retained: np.ndarray
    covariates: np.ndarray


class Estimate(NamedTuple):
    """Mean predictions with and without a behaviour, and how they vary by sampling."""

    risk_without: float
    difference: float
    difference_error: float  # standard error
    log_ratio: float
    log_ratio_error: float


def estimate(
    users: pd.DataFrame,
    exposures: pd.DataFrame,
    contrasts: pd.DataFrame,
    false_discovery_rate: float,
    z: float,
) -> pd.DataFrame:
    """Adjusted differences of the behaviours to test, one row each: ESTIMATE_TYPES.

    `users`: one row per user, see USER_COLUMNS; `exposures`: user_id, event_name,
    event_count; `contrasts`: event_name and threshold of the behaviours to test. Intervals
    reach `z` standard errors to either side. `adjusted_*` are of the discovery cohorts, and
    q_value is Benjamini and Hochberg's over all rows. is_best_threshold marks the threshold
    of each event that is told best there; it alone has `confirmed_*`, of the confirmation
    cohorts. `independent_*` are of all cohorts, with the best thresholds of the other
    events whose q_value is below `false_discovery_rate` among the covariates.

    Differences are of probabilities of being retained. An interval is cut at -1 and 1. A
    wrong column or argument, or an empty cohort with something to test, raises ValueError.
    """
    check_arguments(false_discovery_rate, z)
    tested = read_behaviors(contrasts)
    inputs = read(users, exposures)
    columns = {name: [] for name in ESTIMATE_TYPES}
    if tested:
        with frames.one_thread():
            columns |= _estimates(inputs, tested, false_discovery_rate, z)
    columns["event_name"] = [behavior.event for behavior in tested]
    columns["threshold"] = [behavior.threshold for behavior in tested]
    columns["adjusted_users"] = [len(inputs.is_retained)] * len(tested)
    return frames.typed(columns, ESTIMATE_TYPES)


def check_arguments(false_discovery_rate: float, z: float) -> None:
    """Raise ValueError naming the first argument that is not allowed."""
    if not 0 <= false_discovery_rate <= 1:
        raise ValueError(
            f"false_discovery_rate: given {false_discovery_rate!r}, allowed are numbers "
            "from 0 to 1."
        )
    if not 0 < z < np.inf:
        raise ValueError(f"z: given {z!r}, allowed is a positive number.")


def read_behaviors(contrasts: pd.DataFrame) -> list[Behavior]:
    """The behaviours to test, sorted."""
    keys = ["event_name", "threshold"]
    frames.require_columns(contrasts, "contrasts", keys)
    frames.require_unique(contrasts, "contrasts", keys)
    names = frames.texts(contrasts, "contrasts", "event_name")
    thresholds = frames.numbers(contrasts, "contrasts", "threshold")
    return sorted(
        Behavior(*row) for row in zip(names, thresholds.astype(int), strict=True)
    )


def read(users: pd.DataFrame, exposures: pd.DataFrame) -> Inputs:
    """Check the frames, sort the users and turn them into arrays."""
    frames.require_columns(users, "users", USER_COLUMNS)
    frames.require_unique(users, "users", ["user_id"])
    user_id = frames.texts(users, "users", "user_id")
    order = np.argsort(user_id.astype(str), kind="stable")
    users, user_id = users.iloc[order], user_id[order]
    cohort = frames.texts(users, "users", "cohort")
    unknown = sorted(set(cohort) - {DISCOVERY, CONFIRMATION})
    if unknown:
        raise ValueError(
            f"users: column 'cohort' holds '{unknown[0]}'; allowed are '{DISCOVERY}' and "
            f"'{CONFIRMATION}'."
        )
    counts, events = _read_counts(exposures, user_id)
    return Inputs(
        is_retained=frames.flags(users, "users", "is_retained"),
        is_discovery=cohort == DISCOVERY,
        event_count=frames.numbers(users, "users", "event_count"),
        covariates=_covariates(users),
        counts=counts,
        events=events,
    )


def q_values(p_values: np.ndarray) -> np.ndarray:
    """The false discovery rate at which each test is just significant (m,).

    Benjamini and Hochberg 1995: the least p * m / rank over this and all larger p.
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * m / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(q, 1.0)


def contrast(
    inputs: Inputs, sample: Sample, behavior: Behavior, held: Sequence[Behavior] = ()
) -> Estimate:
    """The adjusted contrast of a behaviour on a sample, those of `held` held equal, too.

    The amount of other activity, on a log scale and its square, leaves out the events of
    the behaviour and of `held`: they are in the model in their own right.
    """
    exposed = done(inputs, behavior)[sample.rows]
    own = sorted({behavior.event, *(other.event for other in held)})
    others = inputs.event_count - sum(counts_of(inputs, event) for event in own)
    volume = np.log1p(np.maximum(others, 0.0))[sample.rows]
    volume = volume - volume.mean()
    alike = np.column_stack(
        [volume, volume**2, *(done(inputs, other)[sample.rows] for other in held)]
    )
    return adjusted(
        exposed,
        np.column_stack([standardised(alike), sample.covariates]),
        sample.is_retained,
    )


def adjusted(
    exposed: np.ndarray, covariates: np.ndarray, is_retained: np.ndarray
) -> Estimate:
    """G-computation: mean prediction were all exposed, and were none, from a logistic fit.

    exposed (n,) 0/1, covariates (n, k), is_retained (n,) 0/1. Standard errors count that
    the covariates are a sample, too. They are those of the estimating equations (the
    sandwich), which hold where the model is off, but at least the model's own, which hold
    where all or none of the exposed stay.
    """
    n = len(exposed)
    design = np.column_stack([np.ones(n), exposed, covariates])
    weights, inverse = fit_logistic(design, is_retained)
    log_odds = design @ weights
    off = log_odds - weights[1] * exposed
    risk, without, having = expit(log_odds), expit(off), expit(off + weights[1])
    # Whoever pulls the fit to himself is further off than his residual says (HC3).
    pull = risk * (1 - risk) * ((design @ inverse) * design).sum(axis=1)
    scores = design * ((is_retained - risk) / (1 - pull))[:, None]

    def error(slope: np.ndarray, of_users: np.ndarray) -> float:
        """Of a mean over users, from its slope in the weights and what users differ by."""
        influence = of_users - of_users.mean() + n * (scores @ (inverse @ slope))
        own = slope @ inverse @ slope + of_users.var() / n
        return float(np.sqrt(max((influence**2).sum() / n**2, own)))

    def slope_of(risk: np.ndarray, value: float) -> np.ndarray:
        change = risk * (1 - risk)
        slope = change @ design / n
        slope[1] = value * change.mean()
        return slope

    mean_having, mean_without = having.mean(), without.mean()
    at_having, at_without = slope_of(having, 1.0), slope_of(without, 0.0)
    return Estimate(
        risk_without=float(mean_without),
        difference=float(mean_having - mean_without),
        difference_error=error(at_having - at_without, having - without),
        log_ratio=float(np.log(mean_having / mean_without)),
        log_ratio_error=error(
            at_having / mean_having - at_without / mean_without,
            having / mean_having - without / mean_without,
        ),
    )


def fit_logistic(
    design: np.ndarray, is_retained: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (k,) of the mode under the prior, and the inverse of the curvature there.

    The first column of `design` is constant; its prior is around the share retained, and
    so wide that it matters only where all or none are.
    """
    share = (is_retained.sum() + 1) / (len(is_retained) + 2)
    expected = np.zeros(design.shape[1])
    expected[0] = np.log(share / (1 - share))
    precision = np.full(design.shape[1], PRIOR_DEVIATION**-2)
    precision[0] = (10 * PRIOR_DEVIATION) ** -2
    weights = expected.copy()
    for _ in range(NEWTON_STEPS):
        risk = expit(design @ weights)
        slope = design.T @ (is_retained - risk) - precision * (weights - expected)
        curvature = (design * (risk * (1 - risk))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += precision
        step = np.linalg.solve(curvature, slope)
        weights = weights + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < 1e-9:
            break
    return weights, np.linalg.inv(curvature)


def standardised(columns: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and deviation 1; those that do not vary are left out."""
    deviation = columns.std(axis=0)
    varies = deviation > 1e-9
    return (columns[:, varies] - columns[:, varies].mean(axis=0)) / deviation[varies]


def best_thresholds(tested: Sequence[Behavior], strength: np.ndarray) -> np.ndarray:
    """Where the strongest test of each event is, of equal ones the lowest; (m,) bool."""
    best: dict[str, int] = {}
    for i, behavior in enumerate(tested):
        if behavior.event not in best or strength[i] > strength[best[behavior.event]]:
            best[behavior.event] = i
    return np.isin(np.arange(len(tested)), list(best.values()))


def counts_of(inputs: Inputs, event: str) -> np.ndarray:
    """How often each user did an event; (n,)."""
    if event not in inputs.events:
        return np.zeros(len(inputs.event_count))
    return inputs.counts[:, [inputs.events.index(event)]].toarray()[:, 0]


def done(inputs: Inputs, behavior: Behavior) -> np.ndarray:
    """1.0 where a user did the event at least so often, else 0.0; (n,)."""
    return (counts_of(inputs, behavior.event) >= behavior.threshold).astype("float64")


def _estimates(
    inputs: Inputs, tested: list[Behavior], false_discovery_rate: float, z: float
) -> dict[str, Sequence]:
    """The columns of ESTIMATE_TYPES that are estimated."""
    earlier = _sample(inputs, inputs.is_discovery, DISCOVERY)
    later = _sample(inputs, ~inputs.is_discovery, CONFIRMATION)
    everyone = _sample(inputs, np.ones(len(inputs.is_retained), dtype=bool), "all")
    discovered = [contrast(inputs, earlier, behavior) for behavior in tested]
    error = _each(discovered, "difference_error")
    # Where nothing varies, both are 0.
    strength = np.abs(_each(discovered, "difference")) / np.where(error > 0, error, 1.0)
    p_value = 2 * ndtr(-strength)
    q_value = q_values(p_value)
    is_best = best_thresholds(tested, strength)
    confirmed = [
        contrast(inputs, later, behavior) if best else None
        for behavior, best in zip(tested, is_best, strict=True)
    ]
    is_found = is_best & (q_value < false_discovery_rate)
    found = [tested[i] for i in np.flatnonzero(is_found)]
    independent = [
        contrast(inputs, everyone, b, [o for o in found if o.event != b.event])
        for b in tested
    ]
    return (
        _differences(discovered, z, "adjusted_risk_difference", "ci")
        | {"p_value": p_value, "q_value": q_value, "is_best_threshold": is_best}
        | _differences(confirmed, z, "confirmed_risk_difference", "confirmed_ci")
        | _ratios(confirmed, z)
        | _differences(independent, z, "independent_risk_difference", "independent_ci")
    )


def _differences(
    estimates: Sequence[Estimate | None], z: float, name: str, ends: str
) -> dict[str, np.ndarray]:
    middle, error = _each(estimates, "difference"), _each(estimates, "difference_error")
    return {
        name: middle,
        f"{ends}_low": np.maximum(middle - z * error, -1.0),
        f"{ends}_high": np.minimum(middle + z * error, 1.0),
    }


def _ratios(estimates: Sequence[Estimate | None], z: float) -> dict[str, np.ndarray]:
    middle, error = _each(estimates, "log_ratio"), _each(estimates, "log_ratio_error")
    return {
        "confirmed_risk_without": _each(estimates, "risk_without"),
        "confirmed_risk_ratio": np.exp(middle),
        "risk_ratio_low": np.exp(middle - z * error),
        "risk_ratio_high": np.exp(middle + z * error),
    }


def _each(estimates: Sequence[Estimate | None], name: str) -> np.ndarray:
    values = [np.nan if e is None else getattr(e, name) for e in estimates]
    return np.array(values, dtype="float64")


def _sample(inputs: Inputs, chosen: np.ndarray, name: str) -> Sample:
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise ValueError(
            f"users: none is in the cohort '{name}', so nothing can be tested; allowed is "
            "an empty 'contrasts' then."
        )
    covariates = standardised(inputs.covariates[rows])
    return Sample(rows, inputs.is_retained[rows], covariates)


def _covariates(users: pd.DataFrame) -> np.ndarray:
    """Active days, the last of them, the day of joining, and segments; (n, k)."""
    joined = frames.dates(users, "users", "cohort_date").astype("int64")
    columns = [
        frames.numbers(users, "users", "active_days"),
        frames.numbers(users, "users", "last_active_day"),
        joined.astype("float64"),
    ]
    for levels in segment_levels(users["segments"], "users").values():
        columns += _indicators(levels)
    return np.column_stack(columns)


def _indicators(levels: np.ndarray) -> list[np.ndarray]:
    """A 0/1 column per level but the most common one, small ones pooled."""
    counts = pd.Series(levels, dtype=object).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [level for level, users in ranked[:TOP_LEVELS] if users >= RARE_LEVEL_USERS]
    pooled = np.where(np.isin(levels, kept), levels, POOLED_LEVEL)
    names = [*kept, POOLED_LEVEL][1:]
    return [(pooled == name).astype("float64") for name in names]


def _read_counts(
    exposures: pd.DataFrame, user_id: np.ndarray
) -> tuple[sparse.csc_array, list[str]]:
    """Counts (users, events) and the sorted event names; other users' are left out."""
    keys = ["user_id", "event_name"]
    frames.require_columns(exposures, "exposures", [*keys, "event_count"])
    frames.require_unique(exposures, "exposures", keys)
    names = frames.texts(exposures, "exposures", "event_name")
    counts = frames.numbers(exposures, "exposures", "event_count")
    who = frames.texts(exposures, "exposures", "user_id")
    position = pd.Index(user_id, dtype=object).get_indexer(who)
    used = position >= 0
    events = sorted(set(names[used]))
    code = pd.Index(events, dtype=object).get_indexer(names[used])
    matrix = sparse.csc_array(
        (counts[used], (position[used], code)), shape=(len(user_id), len(events))
    )
    matrix.sort_indices()
    return matrix, events
