"""What users do, apart from how much: k-means on shares of events, or none at all.

How much a user does is the engagement tier's business, in SQL. On counts, k-means would
find volume again, with the best silhouette and no meaning, so it sees shares, and the
number of clusters is chosen by whether resampling finds the same ones. Here the clusters
are found, on a sample; SQL assigns every user to the nearest one.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from ml import frames
from ml.features import KEYS, read_keys, read_usage

LARGEST_K = 6
LEAST_JACCARD = 0.75  # Hennig's limit for a stable cluster
LEAST_SHARE = 0.05  # of the clustered users, for the smallest cluster
RESAMPLES = 50
ONCE_SHARE = 0.95  # of an event's users with exactly one: who did it, not how they act
LEAST_USERS = 50  # fewer cannot show that clusters are stable
MOST_EVENTS = 30  # the others are pooled
LEAST_INDEX = 1.2  # share over the other users', to be named as "more"
SEED = 20240229

EVERYONE = "everyone"  # segment 0: what the users of the sample do altogether
REST = "(other events)"

CENTER_TYPES = {
    "behavior_segment_id": "Int64",
    "behavior_segment": "string",
    "event_name": "string",
    "axis": "string",
    "center": "Float64",
    "population_share": "Float64",
    "sampled_users": "Int64",
    "stability": "Float64",
    "is_current": "boolean",
}


class Shares(NamedTuple):
    """Users of the sample who did enough, and the axes that they are compared on."""

    counts: np.ndarray  # (users, axes)
    is_new: np.ndarray  # (users,) bool
    axes: list[str]  # names of events, REST last where rare ones are pooled
    axis_of: dict[str, str]  # event name -> axis


class Groups(NamedTuple):
    """Clusters, largest first."""

    centers: np.ndarray  # (k, axes), mean of the square roots of shares
    users: np.ndarray  # (k,)
    stability: np.ndarray  # (k,) mean Jaccard over resamples
    more: list[list[str]]  # events that its users do more of, most telling first


class Found(NamedTuple):
    """What `cluster` finds."""

    shares: Shares
    groups: Groups


def find(
    sample: pd.DataFrame,
    previous: pd.DataFrame | None = None,
    min_events: int = 10,
    smoothing: float = 10.0,
    largest_k: int = LARGEST_K,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
    """`centers` of what `cluster` finds; arguments as there."""
    found = cluster(sample, min_events, smoothing, largest_k, resamples, seed)
    return centers(found, previous)


def cluster(
    sample: pd.DataFrame,
    min_events: int = 10,
    smoothing: float = 10.0,
    largest_k: int = LARGEST_K,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Found:
    """The groups of users alike in what they do.

    `sample`: user x as_of_date x event_name, counts in 28 days, of users of one date,
    and whether they are new. What tells when a user came, not how they use the product,
    is left out: new users where clusters are looked for, and events that nearly
    everyone does once at most, such as signing up. Events beyond MOST_EVENTS share an
    axis. Where no number of clusters is found again by resampling there are none.
    """
    frames.require_whole_number("min_events", min_events, 1)
    frames.require_whole_number("largest_k", largest_k, 2)
    frames.require_whole_number("resamples", resamples, 1)
    frames.require_whole_number("seed", seed, 0)
    with frames.one_thread():
        shares = _sampled_shares(sample, min_events)
        groups = _find_groups(shares, smoothing, largest_k, resamples, seed)
    return Found(shares, groups)


def centers(found: Found, previous: pd.DataFrame | None = None) -> pd.DataFrame:
    """The segments' centers: one row per segment x event_name, see CENTER_TYPES.

    `previous`: what this gave last time. Segment 0 is everyone, the others are the
    clusters. A segment that was there last time keeps its id, and its name as long as
    its users do more of what it says. One that is gone stays, not `is_current`, so that
    its id is given to no other, and to itself should it come back.
    """
    shares, groups = found
    with frames.one_thread():
        known = _of_this_product(previous, shares)
        ids, names = _ids_and_names(groups, shares.axes, known)
        return _center_rows(shares, groups, ids, names, known)


def points_of(counts: np.ndarray, prior: np.ndarray, smoothing: float) -> np.ndarray:
    """Square roots of each user's event shares, (users, axes), shrunk to `prior`.

    Each user's shares start as if they had done `smoothing` events like everyone does,
    which keeps a user of ten events from looking like a specialist; the square root
    gives rare and common events the same variance (Hellinger distance).
    """
    total = counts.sum(axis=1, keepdims=True)
    return np.sqrt((counts + smoothing * prior) / (total + smoothing))


def population_share(counts: np.ndarray) -> np.ndarray:
    """The mean user's share of each event: every user counts once, however active."""
    if not len(counts):
        return np.zeros(counts.shape[1])
    return (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)


def choose_clusters(
    points: np.ndarray, largest_k: int, resamples: int, seed: int
) -> tuple[KMeans, np.ndarray] | None:
    """The most clusters of which each is found again by resampling and none is tiny,
    with the stability of each, (k,)."""
    if len(points) < LEAST_USERS:
        return None
    generator = np.random.default_rng(seed)
    distinct = len(np.unique(frames.round_significant(points), axis=0))
    for k in range(min(largest_k, distinct), 1, -1):
        model = KMeans(k, n_init=20, random_state=seed).fit(points)
        smallest = np.bincount(model.labels_, minlength=k).min()
        if smallest < LEAST_SHARE * len(points):
            continue
        stability = jaccard_stability(
            points, model.labels_, k, resamples, generator, LEAST_JACCARD
        )
        if stability.min() >= LEAST_JACCARD:
            return model, stability
    return None


def jaccard_stability(
    points: np.ndarray,
    labels: np.ndarray,
    k: int,
    resamples: int,
    generator: np.random.Generator,
    least: float = 0.0,
) -> np.ndarray:
    """Mean over resamples of each cluster's best Jaccard overlap with a new one, (k,).

    Each resample of the points is clustered afresh and all points are assigned to its
    clusters (Hennig 2007, cluster-wise assessment of cluster stability). Once a cluster
    cannot reach `least` any more, the resamples that are left count as perfect overlaps.
    """
    found = np.ones((resamples, k))
    # Drawn at once: what is drawn next must not depend on where this stops.
    draws = [
        (
            generator.integers(0, len(points), len(points)),
            int(generator.integers(2**31)),
        )
        for _ in range(resamples)
    ]
    for resample, (drawn, state) in enumerate(draws):
        again = KMeans(k, n_init=3, random_state=state).fit(points[drawn])
        new = again.predict(points)
        both = np.bincount(labels * k + new, minlength=k * k).reshape(k, k)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
        found[resample] = (both / either).max(axis=1)
        if found.mean(axis=0).min() < least:
            break
    return found.mean(axis=0)


def more_than_others(
    counts: np.ndarray, cluster: np.ndarray, axes: list[str]
) -> list[list[str]]:
    """Per cluster, the events that its users do more of than the others do.

    Those that set it apart most come first, by share * log(share / the others'):
    neither a rarity nor what everybody does.
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
            np.flatnonzero(index >= LEAST_INDEX), key=lambda i: (-apart[i], axes[i])
        )
        ranked.append([axes[i] for i in order if axes[i] != REST])
    return ranked


def same_groups(centers: np.ndarray, old: np.ndarray) -> dict[int, int]:
    """Which row of `old` is which row of `centers`, both of shape (groups, axes).

    A center is an old one moved if it moved by less than half of what is between it and
    its nearest neighbour now: then it is nearer to no other. As many as can be are
    paired, and of several ways to do so the one of the shortest moves is taken.
    """
    if len(centers) < 2 or not len(old):
        return {}
    apart = cdist(centers, centers)
    np.fill_diagonal(apart, np.inf)
    moved = cdist(centers, old)
    is_same = moved < apart.min(axis=1, keepdims=True) / 2
    # Shares lie on a sphere of radius 1, so that no sum of moves is as long as this.
    never = 2.0 * (len(centers) + len(old))
    rows, columns = linear_sum_assignment(np.where(is_same, moved, never))
    return {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if is_same[row, column]
    }


def _find_groups(
    shares: Shares, smoothing: float, largest_k: int, resamples: int, seed: int
) -> Groups:
    counts = shares.counts[~shares.is_new]
    points = points_of(counts, population_share(shares.counts), smoothing)
    with warnings.catch_warnings():
        # A resample may hold fewer distinct points than clusters: not stable then.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = choose_clusters(points, largest_k, resamples, seed)
    if found is None:
        nothing = np.zeros(0)
        return Groups(np.zeros((0, len(shares.axes))), nothing, nothing, [])
    model, stability = found
    cluster = model.predict(points)
    more = more_than_others(counts, cluster, shares.axes)
    users = np.bincount(cluster, minlength=len(stability))
    order = sorted(range(len(users)), key=lambda i: (-users[i], more[i], i))
    return Groups(
        frames.round_significant(model.cluster_centers_[order]),
        users[order],
        stability[order],
        [more[i] for i in order],
    )


def _ids_and_names(
    groups: Groups, axes: list[str], known: pd.DataFrame
) -> tuple[list[int], list[str]]:
    """The id and the name of each group; `known` has the centers of the last time."""
    old = known.pivot_table("center", "behavior_segment_id", "axis", "first")
    every = sorted({*axes, *old.columns})
    now = pd.DataFrame(groups.centers, columns=axes)
    # Nobody did an event that one of the two times did not have.
    now_and_then = [
        table.reindex(columns=every).to_numpy("float64", na_value=0.0)
        for table in (now, old)
    ]
    same = same_groups(*now_and_then)
    highest = int(known["behavior_segment_id"].max()) if len(known) else 0
    old_names = known.groupby("behavior_segment_id")["behavior_segment"].first()
    ids, kept = [], {}
    for row, more in enumerate(groups.more):
        if row in same:
            ids.append(int(old.index[same[row]]))
            name = old_names[ids[-1]]
            if _is_still_true(name, more):
                kept[row] = name
        else:
            highest += 1
            ids.append(highest)
    names = [kept.get(row, "") for row in range(len(ids))]
    for row, more in enumerate(groups.more):
        names[row] = names[row] or _new_name(more, ids[row], names)
    return ids, names


def _is_still_true(name: str, more: list[str]) -> bool:
    if not name.startswith("More "):
        return not more
    return set(name.removeprefix("More ").split(", ")) <= set(more)


def _new_name(more: list[str], number: int, taken: list[str]) -> str:
    words = [f"More {', '.join(more[:most])}" for most in (2, 3)]
    words = words if more else ["Average mix"]
    free = [name for name in words if name not in taken]
    return free[0] if free else f"{words[0]} ({number})"


def _of_this_product(previous: pd.DataFrame | None, shares: Shares) -> pd.DataFrame:
    """The clusters of `previous`; none where half of their events are gone, or more:
    the warehouse then holds another product."""
    nothing = pd.DataFrame(columns=list(CENTER_TYPES))
    # A table without these columns is of an earlier version of this project.
    if previous is None or not {*CENTER_TYPES} <= {*previous.columns}:
        return nothing
    events = {*previous["event_name"]}
    if 2 * len(events & {*shares.axis_of}) <= len(events):
        return nothing
    return previous.loc[previous["behavior_segment_id"] > 0, list(CENTER_TYPES)]


def _center_rows(
    shares: Shares,
    groups: Groups,
    ids: list[int],
    names: list[str],
    known: pd.DataFrame,
) -> pd.DataFrame:
    everyone = population_share(shares.counts)
    position = {axis: i for i, axis in enumerate(shares.axes)}
    segments = [
        (0, EVERYONE, np.sqrt(everyone), len(shares.counts), np.nan),
        *zip(
            ids,
            names,
            groups.centers,
            groups.users,
            groups.stability,
            strict=True,
        ),
    ]
    rows = [
        (
            number,
            name,
            event,
            axis,
            center[position[axis]],
            everyone[position[axis]],
            int(users),
            stability,
            True,
        )
        for number, name, center, users, stability in segments
        for event, axis in shares.axis_of.items()
    ]
    found = pd.DataFrame(rows, columns=list(CENTER_TYPES))
    gone = known[~known["behavior_segment_id"].isin(ids)].assign(is_current=False)
    merged = pd.concat([found.astype(object), gone.astype(object)])
    merged = merged.sort_values(["behavior_segment_id", "event_name"])
    return frames.typed(
        {name: merged[name].to_numpy() for name in CENTER_TYPES}, CENTER_TYPES
    )


def _sampled_shares(sample: pd.DataFrame, min_events: int) -> Shares:
    """Users of the sample who did `min_events` of the events that tell anything."""
    frames.require_columns(sample, "sample", ["is_new"])
    keys = read_keys(sample, "sample")
    keys["is_new"] = frames.flags(sample, "sample", "is_new") == 1
    keys = keys.drop_duplicates(KEYS)
    if keys["as_of_date"].nunique() > 1:
        raise ValueError("sample: holds several as_of_dates; allowed is one.")
    keys = keys.sort_values("user_id", ignore_index=True)
    matrix, events = read_usage(sample, keys)
    counts, events = _without_once_only(matrix.toarray(), events)
    is_enough = counts.sum(axis=1) >= min_events
    counts, is_new = counts[is_enough], keys["is_new"].to_numpy()[is_enough]
    counts, axes = _pool_rare(counts, events)
    axis_of = {event: event if event in axes else REST for event in events}
    return Shares(counts, is_new, axes, axis_of)


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
