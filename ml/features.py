"""The feature contract, and the numeric design matrix that is built from it.

A column of the design matrix is described by a `Column`, plain data chosen on the
training rows only. So one list of columns with one coefficient each is the whole model,
small enough to be written out as a table and to be scored in SQL.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from ml import frames


class Feature(NamedTuple):
    """How one column of `features` is used by the model and told to a reader."""

    name: str
    # Features that move together share a family. Their coefficients cannot be told
    # apart, so only the sum over a family is offered as a reason.
    family: str
    transform: str  # 'log1p', 'log' or 'identity'
    missing: str  # 'neutral': the training mean; 'indicator': that and a 0/1 column
    usual_risk: str  # 'high', 'low' or 'either': which values read as a risk
    unit: str  # see `reasons.show`
    phrase: str  # {value} and {typical} are filled in


FEATURES: tuple[Feature, ...] = (
    Feature(
        "recency_days",
        "recency",
        "log1p",
        "neutral",
        "high",
        "day",
        "last active {value} ago (typical: {typical})",
    ),
    Feature(
        "recency_over_mean_gap",
        "recency",
        "log1p",
        # NULL together with mean_gap_days, whose indicator stands for both.
        "neutral",
        "high",
        "ratio",
        "away {value} as long as this user's own usual gap (typical: {typical})",
    ),
    *(
        Feature(
            f"active_days_{days}",
            "activity",
            "log1p",
            "neutral",
            "low",
            "day",
            f"active on {{value}} of the last {days} (typical: {{typical}})",
        )
        for days in (7, 14, 28, 84)
    ),
    *(
        Feature(
            f"events_{days}",
            "activity",
            "log1p",
            "neutral",
            "low",
            "event",
            f"{{value}} in the last {days} days (typical: {{typical}})",
        )
        for days in (7, 14, 28, 84)
    ),
    Feature(
        "active_day_rate_84",
        "activity",
        "identity",
        "neutral",
        "low",
        "share",
        "active on {value} of the days since joining (typical: {typical})",
    ),
    Feature(
        "sessions_28",
        "activity",
        "log1p",
        "neutral",
        "low",
        "session",
        "{value} in the last 28 days (typical: {typical})",
    ),
    Feature(
        "mean_gap_days",
        "activity",
        "log1p",
        "indicator",
        "high",
        "day",
        "usually {value} between active days (typical: {typical})",
    ),
    Feature(
        "events_per_active_day_28",
        "activity",
        "log1p",
        "neutral",
        "low",
        "event",
        "{value} per active day (typical: {typical})",
    ),
    Feature(
        "distinct_events_28",
        "activity",
        "log1p",
        "neutral",
        "low",
        "kind of event",
        "used {value} in the last 28 days (typical: {typical})",
    ),
    Feature(
        "top_event_share_28",
        "activity",
        "identity",
        "neutral",
        "high",
        "share",
        "{value} of use is one kind of event (typical: {typical})",
    ),
    # Functions of the active days of two windows, so one family with them.
    Feature(
        "activity_trend",
        "activity",
        "log",
        "neutral",
        "low",
        "ratio",
        "{value} as active as in the two weeks before (typical: {typical})",
    ),
    Feature(
        "activity_trend_7_28",
        "activity",
        "log",
        "neutral",
        "low",
        "ratio",
        "{value} as active in the last week as over the last four (typical: {typical})",
    ),
    Feature(
        "activity_trend_28_84",
        "activity",
        "log",
        "neutral",
        "low",
        "ratio",
        "{value} as active in the last 4 weeks as over the last 12 (typical: {typical})",
    ),
    Feature(
        "weekend_share_28",
        "rhythm",
        "identity",
        "neutral",
        "either",
        "share",
        "{value} of activity on weekends (typical: {typical})",
    ),
    Feature(
        "tenure_days",
        "tenure",
        "log1p",
        "neutral",
        "either",
        "day",
        "joined {value} ago (typical: {typical})",
    ),
    Feature(
        "is_activated",
        "activation",
        "identity",
        "neutral",
        "low",
        "flag",
        "{value} activated",
    ),
    Feature(
        "seconds_to_activate",
        "activation",
        "log1p",
        # NULL unless activated, which is_activated says already.
        "neutral",
        "high",
        "second",
        "took {value} to activate (typical: {typical})",
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}
FLAGS: tuple[str, ...] = ("is_activated",)
MISSING_PHRASES: dict[str, str] = {
    "mean_gap_days": "active on fewer than two days in the last 84",
}

KEYS = ["user_id", "as_of_date"]
ACTIVITY = "activity"
# An event whose usage is explained to this share by how much a user does altogether is
# of the activity family; its coefficient alone would have no meaning, nor a fixed sign.
LEAST_EXPLAINED = 0.5
UNKNOWN_LEVEL = "unknown"
POOLED_LEVEL = "(rare)"


class Inputs(NamedTuple):
    """The three input frames as arrays: n rows, sorted by as_of_date and user_id."""

    user_id: np.ndarray  # (n,) str
    as_of_date: np.ndarray  # (n,) datetime64[D]
    is_eligible: np.ndarray  # (n,) bool
    churned: np.ndarray  # (n,) 1.0, 0.0, or NaN where no closed label is known
    numbers: np.ndarray  # (n, len(FEATURES)) raw values, NaN where NULL
    segments: dict[str, np.ndarray]  # segment key -> (n,) level
    usage: sparse.csc_array  # (n, len(events)) counts in 28 days
    events: list[str]  # sorted


class Column(NamedTuple):
    """One column of the design matrix: (transformed value - mean) / scale."""

    name: str  # unique, for example 'recency_days' or 'segment plan=free'
    family: str
    kind: str  # 'number', 'missing', 'segment' or 'usage'
    source: str  # feature, segment key or event name
    level: str  # segment level, else ''
    transform: str
    mean: float  # also the value taken where the source is missing
    scale: float
    typical: float  # training median of the raw value, NaN for levels


def prepare(
    features: pd.DataFrame, usage: pd.DataFrame, labels: pd.DataFrame | None = None
) -> Inputs:
    """Check the input frames, sort them and turn them into arrays.

    `features` has one row per user x as_of_date, `usage` one per user x as_of_date x
    event_name, `labels` one per user x as_of_date. Rows of `usage` and `labels` that
    match no row of `features` are not used. A missing column, a repeated key, NULL in a
    key, or a value that is not of its type raises ValueError naming the column.
    """
    frames.require_columns(
        features, "features", [*KEYS, *NAMES, "segments", "is_eligible"]
    )
    keys = read_keys(features, "features")
    frames.require_unique(keys, "features", KEYS)
    order = np.lexsort((keys["user_id"].to_numpy(), keys["as_of_date"].to_numpy()))
    features = features.iloc[order]
    keys = keys.iloc[order].reset_index(drop=True)
    read = dict.fromkeys(NAMES, frames.numbers) | dict.fromkeys(FLAGS, frames.flags)
    columns = [read[name](features, "features", name) for name in NAMES]
    counts, events = read_usage(usage, keys)
    return Inputs(
        user_id=keys["user_id"].to_numpy(dtype=object),
        as_of_date=keys["as_of_date"].to_numpy(dtype="datetime64[D]"),
        is_eligible=frames.flags(features, "features", "is_eligible") == 1,
        churned=_closed_labels(labels, keys),
        numbers=np.column_stack(columns).astype("float64"),
        segments=segment_levels(features["segments"], "features"),
        usage=counts,
        events=events,
    )


def newest_date(inputs: Inputs) -> np.datetime64 | None:
    """The as_of_date to score, None where there are no rows."""
    return inputs.as_of_date.max() if len(inputs.as_of_date) else None


def choose_columns(
    inputs: Inputs, rows: np.ndarray, top_events: int, top_levels: int, rare_rows: int
) -> list[Column]:
    """The design-matrix columns, chosen and scaled on the training rows `rows` alone.

    A column that is constant there is left out, whatever it does at scoring. Segment
    levels beyond `top_levels`, or on fewer than `rare_rows` rows, are pooled. Usage of
    the `top_events` events that most rows have is taken; where they have only one event
    name, its count is events_28 again and is not.
    """
    columns = _number_columns(inputs, rows)
    for key in sorted(inputs.segments):
        levels = inputs.segments[key][rows]
        columns += _segment_columns(key, levels, top_levels, rare_rows)
    if np.count_nonzero(inputs.usage[rows].sum(axis=0)) > 1:
        usage_columns = _usage_columns(inputs, rows, top_events)
        columns += _with_families(usage_columns, columns, inputs, rows)
    return columns


def design_matrix(
    columns: Sequence[Column], inputs: Inputs, rows: np.ndarray
) -> np.ndarray:
    """Centred and scaled values, shape (len(rows), len(columns)), never NaN.

    What is missing, and a segment level that training did not know, is 0: neutral.
    """
    event_index = {event: index for index, event in enumerate(inputs.events)}
    kept = {
        key: [c.level for c in columns if c.kind == "segment" and c.source == key]
        for key in {c.source for c in columns if c.kind == "segment"}
    }
    matrix = np.zeros((len(rows), len(columns)))
    for position, column in enumerate(columns):
        if column.kind == "segment":
            levels = _levels(inputs, column.source, rows)
            raw = _level_values(levels, column, kept[column.source])
        elif column.kind == "usage":
            raw = _event_counts(inputs, event_index.get(column.source), rows)
        else:
            raw = inputs.numbers[rows, NAMES.index(column.source)]
            if column.kind == "missing":
                raw = np.isnan(raw).astype("float64")
        value = transformed(raw, column.transform)
        value = np.where(np.isnan(value), column.mean, value)
        matrix[:, position] = (value - column.mean) / column.scale
    return matrix


def raw_values(column: Column, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """The untransformed values of a number or usage column, NaN where missing."""
    if column.kind == "usage":
        known = column.source in inputs.events
        event = inputs.events.index(column.source) if known else None
        return _event_counts(inputs, event, rows)
    return inputs.numbers[rows, NAMES.index(column.source)]


def transformed(values: np.ndarray, transform: str) -> np.ndarray:
    """Apply a `Feature.transform`; NaN stays NaN, the logarithm of 0 becomes NaN."""
    if transform == "log1p":
        return np.log1p(values)
    if transform == "log":
        return np.log(np.where(values > 0, values, np.nan))
    return np.asarray(values, dtype="float64")


def read_keys(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The user_id (str) and as_of_date of a frame, in its order. NULL raises."""
    frames.require_columns(frame, name, KEYS)
    return pd.DataFrame(
        {
            "user_id": pd.Series(frames.texts(frame, name, "user_id"), dtype=object),
            "as_of_date": frames.dates(frame, name, "as_of_date").astype(
                "datetime64[s]"
            ),
        }
    )


def _row_positions(keys: pd.DataFrame, of: pd.DataFrame) -> np.ndarray:
    """For each row of `of`, the position of its key in `keys`, -1 where absent."""
    users = pd.Index(keys["user_id"].unique(), dtype=object)

    def numbered(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        user = users.get_indexer(frame["user_id"])
        day = frame["as_of_date"].to_numpy("datetime64[D]").astype("int64")
        return user, day * len(users) + user

    known = pd.Index(numbered(keys)[1])
    user, number = numbered(of)
    return np.where(user < 0, -1, known.get_indexer(number))


def _closed_labels(labels: pd.DataFrame | None, keys: pd.DataFrame) -> np.ndarray:
    churned = np.full(len(keys), np.nan)
    if labels is None:
        return churned
    frames.require_columns(labels, "labels", [*KEYS, "is_churned", "is_closed"])
    label_keys = read_keys(labels, "labels")
    frames.require_unique(label_keys, "labels", KEYS)
    position = _row_positions(keys, label_keys)
    is_closed = frames.flags(labels, "labels", "is_closed") == 1
    value = frames.flags(labels, "labels", "is_churned")
    usable = is_closed & (position >= 0)
    churned[position[usable]] = value[usable]
    return churned


def read_usage(
    usage: pd.DataFrame, keys: pd.DataFrame
) -> tuple[sparse.csc_array, list[str]]:
    """Counts in 28 days, (len(keys), events), and the sorted event names.

    `keys` has the user_id and as_of_date of each row; other usage is left out. A
    repeated user x as_of_date x event_name raises ValueError.
    """
    frames.require_columns(usage, "usage", [*KEYS, "event_name", "events_28"])
    usage_keys = read_keys(usage, "usage")
    names = frames.texts(usage, "usage", "event_name")
    usage_keys["event_name"] = pd.Series(names, dtype=object)
    frames.require_unique(usage_keys, "usage", [*KEYS, "event_name"])
    counts = np.nan_to_num(frames.numbers(usage, "usage", "events_28"))
    position = _row_positions(keys, usage_keys[KEYS])
    used = position >= 0
    events = sorted(set(names[used]))
    code = pd.Index(events, dtype=object).get_indexer(names[used])
    matrix = sparse.csc_array(
        (counts[used], (position[used], code)), shape=(len(keys), len(events))
    )
    matrix.sort_indices()
    return matrix, events


def segment_levels(texts: pd.Series, name: str) -> dict[str, np.ndarray]:
    """Segment key -> level per row, from JSON text; an absent or null one is unknown.

    Text that is no JSON object raises ValueError naming the frame, `name`.
    """
    codes, distinct = pd.factorize(texts.astype(object), use_na_sentinel=True)
    parsed = [_parse_segments(text, name) for text in distinct] + [{}]
    keys = sorted({key for segments in parsed for key in segments})
    levels = {}
    for key in keys:
        per_text = [_level_name(segments.get(key)) for segments in parsed]
        # Code -1, a NULL text, picks the empty object at the end.
        levels[key] = np.array(per_text, dtype=object)[codes]
    return levels


def _parse_segments(text: Any, name: str) -> dict[str, Any]:
    try:
        return dict(text if isinstance(text, dict) else json.loads(text).items())
    except (TypeError, ValueError, AttributeError):
        raise ValueError(
            f"{name}: column 'segments' holds {text!r}; allowed is a JSON object "
            'such as {"plan": "free"}, or NULL.'
        ) from None


def _level_name(value: Any) -> str:
    if value is None:
        return UNKNOWN_LEVEL
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def data_hash(inputs: Inputs, rows: np.ndarray) -> str:
    """SHA-256 of rows as a model learns from them: names, features and labels."""
    usage = inputs.usage[rows]
    used = np.flatnonzero(usage.sum(axis=0) > 0)
    usage = usage[:, used]
    levels = {key: inputs.segments[key][rows] for key in sorted(inputs.segments)}
    levels = {key: of for key, of in levels.items() if (of != UNKNOWN_LEVEL).any()}
    names = [list(NAMES), [inputs.events[i] for i in used], list(levels)]
    digest = hashlib.sha256(repr(names).encode())
    for texts in [inputs.user_id[rows], *levels.values()]:
        digest.update("\x1f".join(texts).encode())
    for values in (
        inputs.as_of_date[rows].astype("int64"),
        inputs.numbers[rows],
        inputs.churned[rows],
        usage.indptr.astype("int64"),
        usage.indices.astype("int64"),
        usage.data,
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _number_columns(inputs: Inputs, rows: np.ndarray) -> list[Column]:
    columns = []
    for position, feature in enumerate(FEATURES):
        raw = inputs.numbers[rows, position]
        value = transformed(raw, feature.transform)
        value = value[~np.isnan(value)]
        if len(value) and value.std() > 1e-9:
            columns.append(
                Column(
                    name=feature.name,
                    family=feature.family,
                    kind="number",
                    source=feature.name,
                    level="",
                    transform=feature.transform,
                    mean=float(value.mean()),
                    scale=float(value.std()),
                    # Half of a flag's values are no typical one; its share is.
                    typical=float(
                        value.mean()
                        if feature.name in FLAGS
                        else np.median(raw[~np.isnan(raw)])
                    ),
                )
            )
        share = float(np.isnan(raw).mean())
        if feature.missing == "indicator" and 0 < share < 1:
            columns.append(
                Column(
                    name=f"{feature.name} is missing",
                    family=feature.family,
                    kind="missing",
                    source=feature.name,
                    level="",
                    transform="identity",
                    mean=share,
                    scale=1.0,
                    typical=np.nan,
                )
            )
    return columns


def _segment_columns(
    key: str, levels: np.ndarray, top_levels: int, rare_rows: int
) -> list[Column]:
    counts = pd.Series(levels, dtype=object).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = {level: n for level, n in ranked[:top_levels] if n >= rare_rows}
    pooled = len(levels) - sum(kept.values())
    if pooled:
        kept[POOLED_LEVEL] = pooled
    if len(kept) < 2:
        return []
    return [
        Column(
            name=f"segment {key}={level}",
            family=f"segment {key}",
            kind="segment",
            source=key,
            level=level,
            transform="identity",
            mean=n / len(levels),
            # Not divided by its deviation: a rare level is then shrunk the most.
            scale=1.0,
            typical=np.nan,
        )
        for level, n in kept.items()
    ]


def _usage_columns(inputs: Inputs, rows: np.ndarray, top_events: int) -> list[Column]:
    counts = inputs.usage[rows]
    users = (counts > 0).sum(axis=0)
    ranked = sorted(range(len(inputs.events)), key=lambda i: (-users[i], i))
    columns = []
    for index in ranked[:top_events]:
        raw = _event_counts(inputs, index, rows)
        value = np.log1p(raw)
        if value.std() > 1e-9:
            columns.append(
                Column(
                    name=f"usage {inputs.events[index]}",
                    family=f"usage {inputs.events[index]}",
                    kind="usage",
                    source=inputs.events[index],
                    level="",
                    transform="log1p",
                    mean=float(value.mean()),
                    scale=float(value.std()),
                    typical=float(np.median(raw)),
                )
            )
    return columns


def _with_families(
    usage_columns: list[Column], columns: list[Column], inputs: Inputs, rows: np.ndarray
) -> list[Column]:
    """Put the usage that general activity explains into the activity family."""
    activity = [column for column in columns if column.family == ACTIVITY]
    if not activity or not usage_columns:
        return usage_columns
    known = design_matrix(activity, inputs, rows)
    usage = design_matrix(usage_columns, inputs, rows)
    weights = np.linalg.lstsq(known, usage, rcond=None)[0]
    # Both are centred and usage has variance 1, so this is R squared.
    explained = 1 - ((usage - known @ weights) ** 2).mean(axis=0)
    return [
        column._replace(family=ACTIVITY) if share >= LEAST_EXPLAINED else column
        for column, share in zip(usage_columns, explained, strict=True)
    ]


def _event_counts(inputs: Inputs, event: int | None, rows: np.ndarray) -> np.ndarray:
    if event is None:
        return np.zeros(len(rows))
    return inputs.usage[:, [event]].toarray()[rows, 0]


def _levels(inputs: Inputs, key: str, rows: np.ndarray) -> np.ndarray:
    if key not in inputs.segments:
        return np.full(len(rows), UNKNOWN_LEVEL, dtype=object)
    return inputs.segments[key][rows]


def _level_values(levels: np.ndarray, column: Column, kept: list[str]) -> np.ndarray:
    """1 on the column's level, 0 off it, NaN (neutral) on a level that is not known."""
    unseen = ~np.isin(levels, [level for level in kept if level != POOLED_LEVEL])
    if column.level == POOLED_LEVEL:
        return unseen.astype("float64")
    value = (levels == column.level).astype("float64")
    if POOLED_LEVEL not in kept:
        value[unseen] = np.nan
    return value
