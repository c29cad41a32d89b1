"""Which candidate is shipped: the simplest that is not clearly worse than the best.

Chosen on dates whose labels had closed when the first test date came, by log loss, with
the difference to the best candidate resampled by user and paired: all candidates score
the same users, and a user's weeks are not independent.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ml import frames
from ml.candidates import KINDS

# Where there is nothing to choose on: the simplest that learns from more than recency.
WITHOUT_EVIDENCE = "rfm_logistic"
RESAMPLES = 1000
SEED = 20240229

CHOICE_TYPES = {
    "model": "string",
    "complexity": "Int64",
    "selection_log_loss": "Float64",
    "difference_to_best": "Float64",
    "difference_ci_low": "Float64",
    "difference_ci_high": "Float64",
    "selection_rows": "Int64",
    "is_best": "boolean",
    "is_champion": "boolean",
    "reason": "string",
    "first_selection_date": "datetime64[us]",
    "last_selection_date": "datetime64[us]",
}


class Comparison(NamedTuple):
    """Log losses of KINDS on the same rows, and how far above the best one's they are."""

    log_loss: np.ndarray  # (kinds,)
    difference: np.ndarray  # (kinds,)
    ci_low: np.ndarray  # (kinds,)
    ci_high: np.ndarray  # (kinds,)

    @property
    def best(self) -> int:
        return int(self.log_loss.argmin())

    @property
    def champion(self) -> int:
        """The simplest whose interval reaches down to no difference."""
        return int(np.flatnonzero(self.ci_low <= 0)[0])


def choose(
    predictions: pd.DataFrame, resamples: int = RESAMPLES, seed: int = SEED
) -> pd.DataFrame:
    """One row per candidate, simplest first, see CHOICE_TYPES; one is the champion.

    `predictions` are what `evaluate.predict_later_dates` gives. Of it the eligible rows
    of the selection dates count, on the dates alone on which every candidate was learnt.
    Where there are none, or a single user, WITHOUT_EVIDENCE is the champion.
    A wrong column or argument raises ValueError.
    """
    frames.require_columns(
        predictions,
        "predictions",
        ["split", "user_id", "as_of_date", "is_new_user", "is_churned", *KINDS],
    )
    frames.require_whole_number("resamples", resamples, 1)
    frames.require_whole_number("seed", seed, 0)
    rows = _comparable(predictions)
    first, last = np.datetime64("NaT"), np.datetime64("NaT")
    if len(rows):
        dates = frames.dates(rows, "predictions", "as_of_date")
        first, last = dates.min(), dates.max()
    facts = _without_evidence()
    if rows["user_id"].nunique() > 1:
        with frames.one_thread():
            facts = _facts(compare(rows, resamples, seed))
    return frames.typed(
        {
            "model": KINDS,
            "complexity": range(1, len(KINDS) + 1),
            **facts,
            "selection_rows": [len(rows)] * len(KINDS),
            "first_selection_date": np.full(len(KINDS), first),
            "last_selection_date": np.full(len(KINDS), last),
        },
        CHOICE_TYPES,
    )


def champion(choice: pd.DataFrame) -> str:
    """The kind that `choose` chose."""
    return str(choice.loc[choice["is_champion"].astype(bool), "model"].iloc[0])


def compare(
    rows: pd.DataFrame, resamples: int = RESAMPLES, seed: int = SEED
) -> Comparison:
    """Compare the candidates on rows with user_id, is_churned and a column per kind."""
    churned = rows["is_churned"].to_numpy("float64")[:, None]
    p = rows[list(KINDS)].to_numpy("float64")
    losses = -np.where(churned == 1, np.log(p), np.log1p(-p))
    mean = losses.mean(axis=0)
    worse = losses - losses[:, [int(mean.argmin())]]
    low, high = _intervals(
        worse, rows["user_id"].to_numpy(dtype=object), resamples, seed
    )
    return Comparison(mean, worse.mean(axis=0), low, high)


def _intervals(
    values: np.ndarray, user_id: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile intervals of the columns' means, users resampled whole."""
    code, users = pd.factorize(user_id)
    sums = [np.bincount(code, weights=column) for column in values.T]
    sums = np.column_stack([*sums, np.bincount(code)])
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    for resample in range(resamples):
        drawn = generator.integers(0, len(users), len(users))
        *totals, count = np.bincount(drawn, minlength=len(users)) @ sums
        means[resample] = np.array(totals) / count
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _comparable(predictions: pd.DataFrame) -> pd.DataFrame:
    """Eligible rows of the selection dates on which every candidate was trained."""
    chosen = predictions["split"].eq("selection") & ~predictions["is_new_user"]
    rows = predictions[chosen.astype(bool)]
    is_whole = rows[list(KINDS)].notna().all(axis=1)
    is_whole = is_whole.groupby(rows["as_of_date"]).transform("all").astype(bool)
    return rows[is_whole].sort_values(["as_of_date", "user_id"], ignore_index=True)


def _without_evidence() -> dict[str, list]:
    unknown = [np.nan] * len(KINDS)
    reason = (
        "No date to choose on: of too few as_of_dates were all candidates learnt and "
        "the labels closed before the first test date. "
    )
    return {
        "selection_log_loss": unknown,
        "difference_to_best": unknown,
        "difference_ci_low": unknown,
        "difference_ci_high": unknown,
        "is_best": [None] * len(KINDS),
        "is_champion": [kind == WITHOUT_EVIDENCE for kind in KINDS],
        "reason": [
            reason + "Shipped as the simplest that learns from more than recency."
            if kind == WITHOUT_EVIDENCE
            else reason + f"{WITHOUT_EVIDENCE} is shipped without a comparison."
            for kind in KINDS
        ],
    }


def _facts(found: Comparison) -> dict[str, list]:
    return {
        "selection_log_loss": found.log_loss,
        "difference_to_best": found.difference,
        "difference_ci_low": found.ci_low,
        "difference_ci_high": found.ci_high,
        "is_best": [i == found.best for i in range(len(KINDS))],
        "is_champion": [i == found.champion for i in range(len(KINDS))],
        "reason": [_reason(found, i) for i in range(len(KINDS))],
    }


def _reason(found: Comparison, candidate: int) -> str:
    best, shipped = KINDS[found.best], KINDS[found.champion]
    interval = f"{found.ci_low[candidate]:.4f} to {found.ci_high[candidate]:.4f}"
    worse = f"a log loss {found.difference[candidate]:.4f} ({interval}) above {best}'s"
    if candidate == found.champion == found.best:
        return "Shipped: the best, and no simpler one is within its interval."
    if candidate == found.champion:
        return f"Shipped: {worse} may be chance, and no simpler one is within it."
    if found.ci_low[candidate] > 0:
        return f"Not shipped: {worse} is more than chance."
    if candidate == found.best:
        return (
            f"Not shipped: the best, but not beyond chance, and {shipped} is simpler."
        )
    return f"Not shipped: {worse} may be chance, but {shipped} is simpler."
