"""What users do, apart from how much: k-means on shares of events, or none at all.

How much a user does is the engagement tier's business, in SQL. On counts, k-means would
find volume again, with the best silhouette and no meaning, so it sees shares, and the
number of clusters is chosen by whether resampling finds the same ones.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from ml import frames
from ml.features import read_keys, read_usage

SMOOTHING = 10.0  # events; each user's shares start as if he had done these like others
LARGEST_K = 6
LEAST_JACCARD = 0.75  # Hennig's limit for a stable cluster
LEAST_SHARE = 0.05  # of the clustered users, for the smallest cluster
RESAMPLES = 50
ONCE_SHARE = 0.95  # of an event's users with exactly one: who did it, not how they act
LEAST_USERS = 50  # fewer cannot show that clusters are stable
MOST_EVENTS = 30  # the others are pooled
MOST_FITTED = 4000  # users to find the clusters on; all are assigned
LEAST_INDEX = 1.2  # share over the other users', to be named as "more"
SEED = 20240229

TOO_FEW = "too few events"
NO_STRUCTURE = "no stable structure"
REST = "(other events)"

SEGMENT_TYPES = {
    "user_id": "string",
    "as_of_date": "datetime64[us]",
    "behavior_segment": "string",
    "segment_stability": "Float64",
}


class Clustering(NamedTuple):
    """The k-means solution that was chosen."""

    model: KMeans
    stability: np.ndarray  # (k,) mean Jaccard of each cluster over resamples


def assign(
    features: pd.DataFrame,
    usage: pd.DataFrame,
    min_events: int = 10,
    largest_k: int = LARGEST_K,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
    """A behaviour segment for every row of the newest as_of_date, see SEGMENT_TYPES.

    `features`: user x as_of_date, of which only the keys are used; `usage`: user x
    as_of_date x event_name, counts in 28 days. behavior_segment names the events that
    its users do more of than others: 'More recipe_viewed, list_shared'. Events that
    nearly everyone does once at most, such as signing up, are left out: they tell when
    a user came, not how he uses the product. It is 'too few events' below `min_events`
    of the others in 28 days, and 'no stable structure' for everyone else where no
    number of clusters is found again by resampling. segment_stability is the cluster's
    mean Jaccard over resamples, NULL without one.
    """
    frames.require_whole_number("min_events", min_events, 1)
    frames.require_whole_number("largest_k", largest_k, 2)
    frames.require_whole_number("resamples", resamples, 1)
    frames.require_whole_number("seed", seed, 0)
    user_id, dates, counts, events = _newest_counts(features, usage)
    counts, events = _without_once_only(counts, events)
    total = counts.sum(axis=1)
    is_clustered = total >= min_events
    segment = np.where(is_clustered, NO_STRUCTURE, TOO_FEW).astype(object)
    stability = np.full(len(user_id), np.nan)
    counts, events = _pool_rare(counts[is_clustered], events)
    with frames.one_thread():
        points = shares(counts)
        with warnings.catch_warnings():
            # A resample may hold fewer distinct points than clusters: not stable then.
            warnings.simplefilter("ignore", ConvergenceWarning)
            clustering = choose_clusters(points, largest_k, resamples, seed)
        if clustering is not None:
            cluster = clustering.model.predict(points)
            names = segment_names(counts, cluster, events)
            segment[is_clustered] = np.array(names, dtype=object)[cluster]
            stability[is_clustered] = clustering.stability[cluster]
    return frames.typed(
        {
            "user_id": user_id,
            "as_of_date": dates,
            "behavior_segment": segment,
            "segment_stability": stability,
        },
        SEGMENT_TYPES,
    )


def shares(counts: np.ndarray) -> np.ndarray:
    """Square roots of each user's event shares, (users, events), shrunk to the mean.

    Dirichlet smoothing keeps a user of ten events from looking like a specialist; the
    square root gives rare and common events the same variance (Hellinger distance).
    """
    total = counts.sum(axis=1, keepdims=True)
    prior = population_share(counts)
    return np.sqrt((counts + SMOOTHING * prior) / (total + SMOOTHING))


def population_share(counts: np.ndarray) -> np.ndarray:
    """The mean user's share of each event: every user counts once, however active."""
    if not len(counts):
        return np.zeros(counts.shape[1])
    return (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)


def choose_clusters(
    points: np.ndarray, largest_k: int, resamples: int, seed: int
) -> Clustering | None:
    """The most clusters of which each is found again by resampling and none is tiny."""
    if len(points) < LEAST_USERS:
        return None
    generator = np.random.default_rng(seed)
    if len(points) > MOST_FITTED:
        points = points[np.sort(generator.permutation(len(points))[:MOST_FITTED])]
    distinct = len(np.unique(frames.round_significant(points), axis=0))
    for k in range(min(largest_k, distinct - 1), 1, -1):
        model = KMeans(k, n_init=20, random_state=seed).fit(points)
        smallest = np.bincount(model.labels_, minlength=k).min()
        if smallest < LEAST_SHARE * len(points):
            continue
        stability = jaccard_stability(points, model.labels_, k, resamples, generator)
        if stability.min() >= LEAST_JACCARD:
            return Clustering(model, stability)
    return None


def jaccard_stability(
    points: np.ndarray,
    labels: np.ndarray,
    k: int,
    resamples: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Mean over resamples of each cluster's best Jaccard overlap with a new one, (k,).

    Each resample of the points is clustered afresh and all points are assigned to its
    clusters (Hennig 2007, cluster-wise assessment of cluster stability).
    """
    found = np.zeros((resamples, k))
    for resample in range(resamples):
        drawn = generator.integers(0, len(points), len(points))
        state = int(generator.integers(2**31))
        again = KMeans(k, n_init=3, random_state=state).fit(points[drawn])
        new = again.predict(points)
        both = np.bincount(labels * k + new, minlength=k * k).reshape(k, k)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
        found[resample] = (both / either).max(axis=1)
    return found.mean(axis=0)


def segment_names(
    counts: np.ndarray, cluster: np.ndarray, events: list[str]
) -> list[str]:
    """A name per cluster from the events that its users do more of than the others do.

    The two that set it apart most, by share * log(share / the others'): neither a
    rarity nor what everybody does. A third where two clusters would share a name.
    """
    ranked = []
    for number in range(cluster.max() + 1):
        share = population_share(counts[cluster == number])
        others = population_share(counts[cluster != number])
        with np.errstate(divide="ignore", invalid="ignore"):
            # What no other user does is as far apart as a thousandth of it would be.
            index = share / np.maximum(others, share / 1000)
            apart = np.where(share > 0, share * np.log(index), 0.0)
        order = sorted(
            np.flatnonzero(index >= LEAST_INDEX), key=lambda i: (-apart[i], events[i])
        )
        ranked.append([events[i] for i in order if events[i] != REST])
    return _distinct_names(ranked)


def _distinct_names(ranked: list[list[str]]) -> list[str]:
    names: list[str] = []
    for events in ranked:
        words = [f"More {', '.join(events[:most])}" for most in (2, 3)]
        words = words if events else ["Average mix"]
        free = [name for name in words if name not in names]
        names.append(free[0] if free else f"{words[0]} ({len(names) + 1})")
    return names


def _newest_counts(
    features: pd.DataFrame, usage: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Sorted users of the newest as_of_date, the date, their counts, event names."""
    keys = read_keys(features, "features")
    frames.require_unique(keys, "features", list(keys.columns))
    newest = keys["as_of_date"].max()
    keys = keys[keys["as_of_date"] == newest].sort_values("user_id", ignore_index=True)
    counts, events = read_usage(usage, keys)
    used = np.flatnonzero(counts.sum(axis=0) > 0)
    return (
        keys["user_id"].to_numpy(dtype=object),
        keys["as_of_date"].to_numpy(),
        counts[:, used].toarray(),
        [events[i] for i in used],
    )


def _without_once_only(
    counts: np.ndarray, events: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Leave out events that ONCE_SHARE or more of their users did exactly once."""
    users = (counts > 0).sum(axis=0)
    kept = np.flatnonzero((counts == 1).sum(axis=0) < ONCE_SHARE * users)
    return counts[:, kept], [events[i] for i in kept]


def _pool_rare(counts: np.ndarray, events: list[str]) -> tuple[np.ndarray, list[str]]:
    """Keep the MOST_EVENTS events that most users have, sum the others to one."""
    if len(events) <= MOST_EVENTS:
        return counts, events
    users = (counts > 0).sum(axis=0)
    ranked = np.argsort(-users, kind="stable")
    kept, rest = np.sort(ranked[:MOST_EVENTS]), ranked[MOST_EVENTS:]
    pooled = np.column_stack([counts[:, kept], counts[:, rest].sum(axis=1)])
    return pooled, [*(events[i] for i in kept), REST]
