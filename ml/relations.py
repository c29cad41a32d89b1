"""Which rows of the tables are read, and how many at once.

Takes DuckDB relations, such as `dbt.ref` gives, and narrows them down before a row
reaches Python: a warehouse of a million users has more rows than learning needs and
memory holds. The warehouse itself is opened by whoever calls.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from duckdb import DuckDBPyRelation

from ml import artefact, candidates, choice, churn, progress
from ml.features import KEYS, NAMES
from ml.memory import remembered

FEATURE_COLUMNS = (*KEYS, *NAMES, "segments", "is_eligible")
USAGE_COLUMNS = (*KEYS, "event_name", "events_28")
LABEL_COLUMNS = (*KEYS, "is_churned", "is_closed")
# Users scored at once, about 1 GB with what they did.
CHUNK_ROWS = 100_000


def history(
    features: DuckDBPyRelation,
    usage: DuckDBPyRelation,
    labels: DuckDBPyRelation,
    sampled_users: DuckDBPyRelation,
) -> tuple[DuckDBPyRelation, DuckDBPyRelation, DuckDBPyRelation]:
    """Features, usage and labels of the sampled users on the dates that have closed."""
    last = newest(labels.filter("is_closed"))
    is_closed = f"as_of_date <= date '{last}'" if last else "false"
    read = (
        (features, FEATURE_COLUMNS),
        (usage, USAGE_COLUMNS),
        (labels, LABEL_COLUMNS),
    )
    return tuple(
        _columns(
            relation.filter(is_closed).join(sampled_users, "user_id", "semi"), kept
        )
        for relation, kept in read
    )


def scoring_model(
    features: DuckDBPyRelation,
    usage: DuckDBPyRelation,
    labels: DuckDBPyRelation,
    sampled_users: DuckDBPyRelation,
    chosen: DuckDBPyRelation,
    horizon_days: int,
    churn_model: str,
    models_folder: str,
    memory_folder: str,
) -> churn.Model | None:
    """The model that scores the newest as_of_date; None without rows.

    `churn_model`: artefact.TRAIN, one of the chosen kind is learnt now; or a version in
    `models_folder`, see `artefact.kept_model`. What was learnt from the same rows is taken
    from `memory_folder`.
    """
    at = newest(features)
    if churn_model != artefact.TRAIN:
        return artefact.kept_model(Path(models_folder), churn_model, at, horizon_days)
    if at is None:
        return None
    known = history(features, usage, labels, sampled_users)
    with candidates.remembering():
        return remembered(
            memory_folder,
            churn.train,
            *known,
            # Until another label closes, each day learns what the one before did.
            _closed_at(known[0], at, horizon_days),
            horizon_days,
            kind=choice.champion(chosen.df()),
        )


def _closed_at(
    known: DuckDBPyRelation, at: np.datetime64, horizon_days: int
) -> np.datetime64:
    """The day by which all labels had closed that are closed `at` a day."""
    last = newest(known)
    return at if last is None else min(at, last + np.timedelta64(horizon_days, "D"))


def newest(rows: DuckDBPyRelation) -> np.datetime64 | None:
    """The last as_of_date, of features that to score; None where there are no rows."""
    ((date,),) = rows.aggregate("max(as_of_date)").fetchall()
    return np.datetime64(date, "D") if date else None


def to_score(
    features: DuckDBPyRelation,
    usage: DuckDBPyRelation,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Features and usage of the newest as_of_date, so many users at a time."""
    date = newest(features)
    if date is None:
        return
    is_newest = f"as_of_date = date '{date}'"
    features, usage = features.filter(is_newest), usage.filter(is_newest)
    ((rows,),) = features.aggregate("count(*)").fetchall()
    chunks = -(-rows // chunk_rows)
    for chunk in progress.steps("Scoring", range(chunks)):
        in_chunk = f"hash(user_id) % {chunks} = {chunk}"
        yield (
            _columns(features.filter(in_chunk), FEATURE_COLUMNS).df(),
            _columns(usage.filter(in_chunk), USAGE_COLUMNS).df(),
        )


def _columns(relation: DuckDBPyRelation, columns: tuple[str, ...]) -> DuckDBPyRelation:
    return relation.project(", ".join(columns))
