"""The frames that the ml tests share, and what ml/ does with a frame that is wrong."""

import json
import subprocess
import sys
import threading

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from threadpoolctl import threadpool_info

from ml import churn, evaluate, frames, segments, splits
from ml.features import (
    FEATURES,
    NAMES,
    POOLED_LEVEL,
    choose_columns,
    design_matrix,
    prepare,
)
from tests.builds import PROJECT

HORIZON = 28
FIRST_DATE = np.datetime64("2026-01-04")
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def product(users: int = 400, dates: int = 14, seed: int = 1) -> Frames:
    """features, usage and labels of a product whose churn is logistic in them."""
    draw = np.random.default_rng(seed)
    rows = users * dates
    user = np.repeat(np.arange(users), dates)
    week = np.tile(np.arange(dates), users)
    as_of_date = FIRST_DATE + week * np.timedelta64(7, "D")
    habit = np.repeat(draw.uniform(0.05, 0.8, users), dates)
    days_28 = np.maximum(1, draw.binomial(28, habit))
    days_14 = draw.binomial(days_28, 0.5)
    days_7 = draw.binomial(days_14, 0.5)
    days_84 = days_28 + draw.binomial(56, habit)
    recency = np.minimum(27, draw.geometric(np.clip(habit, 0.08, 1)) - 1)
    events = days_28 * (1 + draw.poisson(4, rows))
    gap = np.where(days_84 > 1, 84 / days_84, np.nan)
    plan = np.repeat(draw.choice(["free", "plus", "team"], users), dates)
    is_activated = np.repeat(draw.random(users) < 0.6, dates)
    tenure = np.repeat(draw.integers(1, 100, users), dates) + week * 7
    user_id = np.char.mod("u%05d", user)
    features = pd.DataFrame(
        {
            "user_id": user_id,
            "as_of_date": as_of_date.astype("datetime64[us]"),
            "tenure_days": tenure,
            "recency_days": recency,
            "active_days_7": days_7,
            "active_days_14": days_14,
            "active_days_28": days_28,
            "active_days_84": days_84,
            "events_7": events // 4,
            "events_14": events // 2,
            "events_28": events,
            "events_84": events * 2,
            "sessions_28": days_28 + draw.poisson(2, rows),
            "distinct_events_28": 1 + draw.binomial(5, habit),
            "active_day_rate_84": days_84
            / np.maximum(days_84, np.minimum(84, tenure + 1)),
            "top_event_share_28": np.random.default_rng([seed, 2]).beta(4, 4, rows),
            "activity_trend": (days_14 + 1) / (days_28 - days_14 + 1),
            "activity_trend_7_28": 4 * (days_7 + 1) / (days_28 + 4),
            "activity_trend_28_84": 3 * (days_28 + 1) / (days_84 + 3),
            "mean_gap_days": gap,
            "recency_over_mean_gap": recency / gap,
            "weekend_share_28": draw.beta(2, 5, rows),
            "events_per_active_day_28": events / days_28,
            "is_activated": is_activated,
            "seconds_to_activate": np.where(is_activated, 3600.0, np.nan),
            "segments": [json.dumps({"plan": p, "platform": "ios"}) for p in plan],
            "is_eligible": tenure >= 28,
            "max_source_event_at": as_of_date.astype("datetime64[us]"),
        }
    )
    log_odds = log_odds_truth(features)
    has_churned = draw.random(rows) < 1 / (1 + np.exp(-log_odds))
    is_closed = as_of_date + np.timedelta64(HORIZON, "D") <= as_of_date.max()
    labels = features[["user_id", "as_of_date"]].assign(
        is_churned=pd.array(np.where(is_closed, has_churned, None), dtype="boolean"),
        days_to_return=np.nan,
        is_closed=is_closed,
    )
    return features, usage_of(features, draw), labels


def joining(users: int = 600, dates: int = 14, seed: int = 3) -> Frames:
    """`product()` where a third of the rows is of new users, who churn otherwise."""
    features, usage, labels = product(users, dates, seed)
    draw = np.random.default_rng([seed, 1])
    is_new = draw.random(len(features)) < 1 / 3
    tenure = draw.integers(0, 7, len(features))
    recency = draw.integers(0, tenure + 1)
    young = {"tenure_days": tenure, "recency_days": recency}
    young |= dict.fromkeys(["mean_gap_days", "recency_over_mean_gap"], np.nan)
    young |= dict.fromkeys([f"active_days_{d}" for d in (7, 14, 28, 84)], 1)
    for name, values in young.items():
        features[name] = np.where(is_new, values, features[name])
    features["is_eligible"] = ~is_new
    truth = expit(new_user_truth(features))
    has_churned = draw.random(len(features)) < truth
    known = is_new & labels["is_closed"].to_numpy()
    labels.loc[known, "is_churned"] = has_churned[known]
    return features, usage, labels


def new_user_truth(features: pd.DataFrame) -> np.ndarray:
    """Log-odds planted for the new users of `joining`: recency, and the plan."""
    is_free = features["segments"].str.contains("free")
    return (-3.2 + 1.6 * np.log1p(features["recency_days"]) + is_free).to_numpy()


def log_odds_truth(features: pd.DataFrame) -> np.ndarray:
    """The planted truth: recency, habit, activation and plan, all of them features."""
    return (
        -1.0
        + 0.9 * np.log1p(features["recency_days"])
        - 0.5 * np.log1p(features["active_days_28"])
        - 0.6 * features["is_activated"]
        + 0.6 * features["segments"].str.contains("free")
    ).to_numpy()


def usage_of(features: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """Events of six names, of which each third of the users prefers two."""
    user = features["user_id"].str[1:].astype(int).to_numpy()
    weights = np.ones((3, 6))
    weights[[0, 0, 1, 1, 2, 2], range(6)] = 8
    shares = (weights / weights.sum(axis=1, keepdims=True))[user % 3]
    counts = draw.poisson(shares * features[["events_28"]].to_numpy())
    row, event = np.nonzero(counts)
    keys = features[["user_id", "as_of_date"]].iloc[row].reset_index(drop=True)
    return keys.assign(
        event_name=np.char.mod("event_%d", event),
        events_28=counts[row, event],
        active_days_28=1,
    )


def shuffled(frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=seed)


def holds_only_nulls(frame: pd.DataFrame) -> bool:
    """Whether everything unknown is NULL, as DuckDB sees it: no NaN, no infinity."""
    numbers = [c for c, dtype in frame.dtypes.items() if str(dtype) == "Float64"]
    found = duckdb.sql(
        "select "
        + ", ".join(f"count(*) filter (not isfinite({c}))" for c in numbers)
        + " from frame"
    ).fetchall()
    return not any(found[0])


@pytest.fixture(scope="module")
def small() -> Frames:
    return product(users=60, dates=6)


@pytest.mark.parametrize(
    ("given", "wanted", "nearest"),
    [(0, "recency_days", "recency_day"), (1, "event_name", "event_nme")],
)
def test_a_missing_column_is_named_with_the_nearest(small, given, wanted, nearest):
    wrong = list(small)
    wrong[given] = wrong[given].rename(columns={wanted: nearest})
    with pytest.raises(ValueError, match=f"'{wanted}' .nearest is '{nearest}'"):
        prepare(*wrong)


def test_a_missing_label_column_is_named(small):
    features, usage, labels = small
    with pytest.raises(ValueError, match="labels: missing column 'is_closed'"):
        prepare(features, usage, labels.drop(columns="is_closed"))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("recency_days", -1, "'recency_days' holds -1"),
        ("events_7", np.inf, "'events_7' holds inf"),
        ("events_7", "many", "'events_7' holds no numbers"),
        ("is_activated", "perhaps", "'is_activated' holds no booleans"),
        ("user_id", None, "'user_id' holds NULL"),
        ("as_of_date", None, "'as_of_date' holds NULL"),
        ("as_of_date", "someday", "'as_of_date' holds no dates"),
        ("segments", "[1]", "'segments' holds '\\[1\\]'"),
        ("segments", "{", "'segments' holds '{'"),
    ],
)
def test_a_wrong_value_names_its_column(small, column, value, message):
    features, usage, labels = small
    wrong = features.astype({column: object})
    wrong.loc[3, column] = value
    with pytest.raises(ValueError, match=message):
        prepare(wrong, usage, labels)


@pytest.mark.parametrize("given", [0, 1, 2])
def test_a_repeated_key_is_refused(small, given):
    wrong = list(small)
    wrong[given] = pd.concat([wrong[given], wrong[given].iloc[:1]])
    with pytest.raises(ValueError, match="1 rows repeat"):
        prepare(*wrong)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (churn.score_users, {"horizon_days": 0}, "horizon_days: given 0"),
        (churn.score_users, {"horizon_days": 2.5}, "horizon_days: given 2.5"),
        (
            churn.score_users,
            {"horizon_days": 28, "settings": churn.Settings(inverse_penalty=-1)},
            "settings.inverse_penalty: given -1",
        ),
        (
            evaluate.predict_later_dates,
            {"horizon_days": 28, "test_dates": 0},
            "test_dates: given 0",
        ),
    ],
)
def test_a_wrong_argument_is_named(small, function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*small, **arguments)


def test_segments_check_their_arguments(small):
    with pytest.raises(ValueError, match="min_events: given -1"):
        segments.find(small[1], min_events=-1)


def test_frames_from_duckdb_read_as_those_from_pandas(small):
    features, usage, labels = small
    connection = duckdb.connect()
    expected = prepare(features, usage, labels)
    tables = [
        connection.sql("select * replace (as_of_date::date as as_of_date) from f").df()
        for f in (features, usage, labels)
    ]
    with_dates = [
        table.assign(as_of_date=[stamp.date() for stamp in table["as_of_date"]])
        for table in tables
    ]
    for given in (tables, with_dates):
        read = prepare(*given)
        np.testing.assert_array_equal(read.numbers, expected.numbers)
        np.testing.assert_array_equal(read.churned, expected.churned)
        np.testing.assert_array_equal(read.as_of_date, expected.as_of_date)
        assert (read.user_id == expected.user_id).all()
        assert (read.usage != expected.usage).nnz == 0


def test_the_design_matrix_is_centred_and_never_nan(small):
    inputs = prepare(*small)
    rows = np.arange(len(inputs.user_id))
    columns = choose_columns(inputs, rows, top_events=3, top_levels=2, rare_rows=5)
    matrix = design_matrix(columns, inputs, rows)
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-9)
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    assert sum(name.startswith("usage") for name in names) == 3
    # Two levels kept and the third pooled; the constant platform is left out.
    levels = [column.level for column in columns if column.kind == "segment"]
    assert len(levels) == 3
    assert levels[-1] == POOLED_LEVEL
    assert {column.source for column in columns if column.kind == "segment"} == {"plan"}


def test_usage_that_activity_explains_is_of_its_family(small):
    features, usage, labels = small
    keys = features[["user_id", "as_of_date"]]
    opened = keys.assign(event_name="opened", events_28=features["sessions_28"])
    rare = np.random.default_rng(0).poisson(0.5, len(keys))
    random = keys.assign(event_name="random", events_28=rare)
    inputs = prepare(features, pd.concat([usage, opened, random]), labels)
    rows = np.arange(len(inputs.user_id))
    columns = choose_columns(inputs, rows, top_events=20, top_levels=5, rare_rows=5)
    family = {column.name: column.family for column in columns}
    assert family["usage opened"] == "activity"
    assert family["usage random"] == "usage random"


def test_models_that_run_at_once_keep_the_thread_limit():
    inside, leave = threading.Event(), threading.Event()

    def first():
        with frames.one_thread():
            inside.set()
            leave.wait(5)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(5)
    threading.Timer(0.1, leave.set).start()
    with frames.one_thread():
        # It has waited for the first, whose end would have lifted the limit.
        assert not other.is_alive() or leave.is_set()
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    other.join()


def test_the_package_imports_scikit_learn_before_threads_do():
    """Else two Python models of one build may wait for each other's imports for ever."""
    code = """
import importlib, pkgutil, sys, ml

def parts():
    return {name for name in sys.modules if name.startswith("sklearn")}

before = parts()
for module in pkgutil.iter_modules(ml.__path__):
    if module.name != "__main__":
        importlib.import_module(f"ml.{module.name}")
print(len(before), sorted(parts() - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    count, later = done.stdout.split(" ", 1)
    assert int(count) > 100
    assert later.strip() == "[]"


def test_every_feature_has_words_and_a_known_transform():
    assert len(set(NAMES)) == len(FEATURES)
    for feature in FEATURES:
        assert "{value}" in feature.phrase
        assert feature.transform in ("log1p", "log", "identity")
        assert feature.missing in ("neutral", "indicator")
        assert feature.usual_risk in ("high", "low", "either")


def test_an_embargoed_date_has_its_whole_label_window_before():
    dates = np.array(["2026-04-05", "2026-04-12", "2026-04-19"], dtype="datetime64[D]")
    at = np.datetime64("2026-05-10")
    # 2026-04-12 + 28 days is 2026-05-10 itself, the last included day.
    assert list(splits.embargoed_dates(dates, at, 28)) == list(dates[:2])


def test_calibration_dates_lie_a_horizon_apart_and_after_training_dates():
    weeks = FIRST_DATE + np.arange(20) * np.timedelta64(7, "D")
    earlier, later = splits.calibration_dates(weeks, 28)
    assert later == weeks[-1]
    assert earlier == weeks[-5]
    assert len(splits.calibration_dates(weeks[:5], 28)) == 1
    assert len(splits.calibration_dates(weeks[:4], 28)) == 0


def test_rounding_keeps_twelve_digits_at_any_size():
    values = np.array([0.0, 1 / 3, -2e-9 / 3, 2e17 / 3, np.nan, 1e-300, 5e20])
    rounded = frames.round_significant(values)
    np.testing.assert_allclose(rounded[:4], values[:4], rtol=1e-11)
    assert rounded[1] == 0.333333333333
    assert np.isnan(rounded[4])
    assert rounded[5] == 0
    assert rounded[6] == 5e20
