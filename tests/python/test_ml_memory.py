"""What is remembered is what would be computed; anything else is computed."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
import skops.io
from duckdb import DuckDBPyRelation
from pandas.testing import assert_frame_equal
from test_ml_behaviors import Z
from test_ml_behaviors import product as behavior_product
from test_ml_inputs import HORIZON, Frames, holds_only_nulls, product
from test_ml_segments import personas, sampled

from ml import behaviors, churn, evaluate, memory, plain, relations, segments
from ml.memory import content_of, remembered
from plugins import remembered_results

ROWS = "select * from (values (1, 'a', 0.1), (2, 'b', 0.2), (3, null, null))"


class Computation:
    """Gives a frame of what it was given, and counts how often it was asked."""

    def __init__(self, name: str = "compute") -> None:
        self.__module__, self.__name__, self.__qualname__ = "ml.testing", name, name
        self.times = 0

    def __call__(self, rows: pd.DataFrame, factor: float = 1.0) -> pd.DataFrame:
        self.times += 1
        total = rows.iloc[:, 0].sum() * factor
        return pd.DataFrame({"total": pd.array([total, None], dtype="Float64")})


@pytest.fixture
def compute() -> Computation:
    return Computation()


def rows(sql: str = ROWS, columns: str = "number, text, share") -> DuckDBPyRelation:
    return duckdb.connect().sql(f"select * from ({sql}) as given({columns})")


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def same(one: object, other: object) -> None:
    """Equal to the last bit, types included."""
    if isinstance(one, pd.DataFrame):
        assert_frame_equal(one, other, check_exact=True)
        assert holds_only_nulls(other)
    assert plain.dumped(one) == plain.dumped(other)


@pytest.fixture(scope="module")
def computations() -> dict[str, tuple]:
    """Every function whose results dbt models remember, with its arguments."""
    features, usage, labels = product(400, 20)
    predictions = evaluate.predict_later_dates(features, usage, labels, HORIZON)
    history = [duckdb.from_df(frame) for frame in (features, usage, labels)]
    return {
        "predictions": (evaluate.predict_later_dates, *history, HORIZON),
        "metrics": (evaluate.backtest, duckdb.from_df(predictions), "logistic"),
        "model": (churn.train, *history, relations.newest(history[0]), HORIZON),
        "estimates": (
            behaviors.estimate,
            *map(duckdb.from_df, behavior_product(800)),
            0.05,
            Z,
        ),
        "clusters": (
            segments.cluster,
            duckdb.from_df(sampled(personas(300)[0])),
            10,
            10,
        ),
    }


@pytest.mark.parametrize(
    "name", ["predictions", "metrics", "model", "estimates", "clusters"]
)
def test_a_kept_result_is_the_computed_one_bit_for_bit(name, computations, tmp_path):
    function, *given = computations[name]
    times = []

    def watched(*arguments):
        times.append(1)
        return function(*arguments)

    watched.__module__ = function.__module__
    expected = function(*map(memory._frame, given))
    for _ in range(3):
        same(expected, remembered(tmp_path, watched, *given))
    assert len(times) == 1


def test_boosted_trees_are_kept_too(tmp_path):
    features, usage, labels = map(duckdb.from_df, product(400, 20))
    at = relations.newest(features)
    kept = [
        remembered(
            tmp_path, churn.train, features, usage, labels, at, HORIZON, kind=kind
        )
        for kind in ("boosted_trees", "logistic", "boosted_trees")
    ]
    assert [model.kind for model in kept] == [
        "boosted_trees",
        "logistic",
        "boosted_trees",
    ]
    scores = [churn.score(model, features.df(), usage.df()) for model in kept]
    same(scores[0], scores[2])
    assert not scores[0].equals(scores[1])
    assert len(files(tmp_path)) == 2


def test_the_order_of_rows_does_not_matter(compute, tmp_path):
    remembered(tmp_path, compute, rows())
    remembered(tmp_path, compute, rows(f"{ROWS} order by 1 desc"))
    assert compute.times == 1


OTHERS = {
    "a value": rows(ROWS.replace("0.2", "0.3")),
    "a value that is known": rows(ROWS.replace("null)", "0.3)")),
    # Of which an xor of hashes of rows would see nothing.
    "values of the last column swapped": rows(
        "select * from (values (1, 'a', 0.2), (2, 'b', 0.1), (3, null, null))"
    ),
    "values of the first column swapped": rows(
        "select * from (values (2, 'a', 0.1), (1, 'b', 0.2), (3, null, null))"
    ),
    "a row less": rows(f"{ROWS} limit 2"),
    "a row twice": rows(f"{ROWS} union all ({ROWS} limit 1)"),
    "rows three times": rows(f"{ROWS} union all {ROWS} union all {ROWS}"),
    "no rows": rows(f"{ROWS} limit 0"),
    "a name": rows(columns="number, text, part"),
    "an order of columns": rows().select("number, share, text"),
    "a type": rows().select("number, text, cast(share as float) as share"),
    "a column more": rows().select("*, 1 as one"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_rows_are_computed(what, compute, tmp_path):
    remembered(tmp_path, compute, rows())
    remembered(tmp_path, compute, OTHERS[what])
    assert compute.times == 2
    assert content_of(OTHERS[what]) != content_of(rows())


def test_another_argument_or_function_is_computed(compute, tmp_path):
    remembered(tmp_path, compute, rows())
    by_two = remembered(tmp_path, compute, rows(), factor=2.0)
    assert by_two["total"][0] == 12
    other = Computation("compute_otherwise")
    remembered(tmp_path, other, rows())
    assert (compute.times, other.times) == (2, 1)


@pytest.mark.parametrize("what", ["code", "library", "DuckDB"])
def test_other_code_or_versions_compute(what, compute, tmp_path, monkeypatch):
    remembered(tmp_path / "kept", compute, rows())
    if what == "code":
        source = tmp_path / "changed"
        source.mkdir()
        (source / "churn.py").write_text("METHOD_VERSION = 'another'")
        monkeypatch.setattr(memory, "PACKAGE", source)
    elif what == "library":
        now = memory.artefact.installed_versions() | {"scikit-learn": "0.1"}
        monkeypatch.setattr(memory.artefact, "installed_versions", lambda: now)
    else:
        monkeypatch.setattr(memory, "installed_version", lambda name: f"{name} 0.1")
    memory._versions.cache_clear()
    try:
        remembered(tmp_path / "kept", compute, rows())
    finally:
        memory._versions.cache_clear()
    assert compute.times == 2


class Intruder:
    """Tells when it is made from a file."""

    made = False

    def __setstate__(self, state: dict) -> None:
        Intruder.made = True


def intruder() -> bytes:
    inside = Intruder()
    inside.harmless = 1
    return skops.io.dumps({"key": "", "result": inside})


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "text": lambda content: b"not a result",
    "a changed byte": lambda content: content.replace(b"PAR1", b"PAR2", 1),
    "another type": lambda content: intruder(),
    "a list": lambda content: plain.dumped([1, 2]),
    "an array": lambda content: plain.dumped(np.zeros(3)),
    "a frame": lambda content: plain.dumped(pd.DataFrame({"total": [1.0]})),
    "a key alone": lambda content: plain.dumped({"key": "0"}),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_that_is_no_result_is_told_and_replaced(what, compute, tmp_path):
    expected = remembered(tmp_path, compute, rows())
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[what](whole))
    with pytest.warns(UserWarning, match=f"{path.name} cannot be used and is made"):
        same(expected, remembered(tmp_path, compute, rows()))
    assert path.read_bytes() == whole
    assert compute.times == 2
    assert not Intruder.made


def test_the_result_of_something_else_is_not_taken(compute, tmp_path):
    expected = remembered(tmp_path, compute, rows())
    (path,) = files(tmp_path)
    remembered(tmp_path, compute, rows(), factor=2.0)
    (other,) = {*files(tmp_path)} - {path}
    other.replace(path)
    with pytest.warns(UserWarning, match="the result of something else"):
        same(expected, remembered(tmp_path, compute, rows()))


def test_a_write_that_fails_or_is_killed_leaves_no_result(
    compute, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.warns(UserWarning, match="could not be kept: No space left"):
            first = remembered(tmp_path, compute, rows())
    assert not list(tmp_path.glob("*.skops"))
    same(first, remembered(tmp_path, compute, rows()))
    assert compute.times == 2
    assert len(list(tmp_path.glob("*.skops"))) == 1


def test_a_folder_that_cannot_be_made_is_told(compute, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(UserWarning, match="cannot be used|could not be kept") as told:
        remembered(tmp_path / "file", compute, rows())
    assert compute.times == 1
    assert "could not be kept" in str(told[-1].message)


def test_what_was_used_longest_ago_goes(compute, tmp_path):
    remembered(tmp_path, Computation("other"), rows())
    made = []
    for factor in range(memory.MOST_KEPT):
        remembered(tmp_path, compute, rows(), factor=factor)
        made += {*tmp_path.glob("compute-*")} - {*made}
        os.utime(made[-1], (factor, factor))
    # What a killed build left.
    (tmp_path / "compute-0.1.unfinished").touch()
    remembered(tmp_path, compute, rows(), factor=0)
    remembered(tmp_path, compute, rows(), factor=100)
    left = {*tmp_path.glob("compute-*")}
    assert len(left) == memory.MOST_KEPT
    assert {made[0], *made[2:]} <= left
    assert {*left} == {*tmp_path.iterdir()} - {*tmp_path.glob("other-*")}
    assert len(list(tmp_path.glob("other-*"))) == 1


def test_two_models_at_once_compute_once(compute, tmp_path):
    at_once = threading.Barrier(2)

    def model(_):
        given = rows()
        at_once.wait()
        return remembered(tmp_path, compute, given)

    with ThreadPoolExecutor(2) as pool:
        same(*pool.map(model, range(2)))
    assert compute.times == 1


@pytest.mark.parametrize("argument", [pd.DataFrame(), np.zeros(3), [1], object()])
def test_an_argument_whose_content_is_not_known_is_refused(argument, compute, tmp_path):
    with pytest.raises(TypeError, match=f"given a {type(argument).__name__}; allowed"):
        remembered(tmp_path, compute, argument)


def test_a_function_whose_code_is_not_known_is_refused(tmp_path):
    with pytest.raises(TypeError, match="allowed are functions of ml"):
        remembered(tmp_path, computations)


def scoring_model(frames: Frames, at: np.datetime64, folder: Path) -> churn.Model:
    """What a build that scores the day `at` scores with."""
    features, usage, labels = frames
    to_score = features.tail(1).assign(as_of_date=at)
    features = pd.concat([features[features["as_of_date"] < at], to_score])
    chosen = pd.DataFrame({"model": ["logistic"], "is_champion": [True]})
    return relations.scoring_model(
        *map(duckdb.from_df, (features, usage, labels)),
        duckdb.from_df(features[["user_id"]].drop_duplicates()),
        duckdb.from_df(chosen),
        HORIZON,
        "train",
        "nowhere",
        str(folder),
    )


def test_until_another_label_closes_the_model_of_the_day_before_scores(tmp_path):
    frames = product(400, 20)
    features, usage, labels = frames
    last_closed = labels.loc[labels["is_closed"], "as_of_date"].max()
    closed_at = (last_closed + pd.Timedelta(days=HORIZON)).to_datetime64()
    expected = churn.train(*frames, closed_at, HORIZON)
    for days in (0, 1, 6):
        at = closed_at + np.timedelta64(days, "D")
        same(expected, scoring_model(frames, at, tmp_path))
    assert len(files(tmp_path)) == 1
    # Before the last labels closed there were fewer, and fewer count.
    earlier = closed_at - np.timedelta64(7, "D")
    fewer = churn.train(*frames, earlier, HORIZON)
    assert fewer.training_rows < expected.training_rows
    same(fewer, scoring_model(frames, earlier, tmp_path))
    assert len(files(tmp_path)) == 2
    # Once the next ones have closed, they count.
    next_date = labels["as_of_date"] == last_closed + pd.Timedelta(days=7)
    assert next_date.any()
    known = labels.assign(
        is_closed=labels["is_closed"] | next_date,
        is_churned=labels["is_churned"].mask(next_date, labels.index % 2 == 0),
    )
    later = closed_at + np.timedelta64(7, "D")
    more = churn.train(features, usage, known, later, HORIZON)
    assert more.training_rows > expected.training_rows
    same(more, scoring_model((features, usage, known), later, tmp_path))
    assert len(files(tmp_path)) == 3


@pytest.mark.parametrize("is_asked", [True, False, None])
def test_a_full_refresh_forgets(is_asked, tmp_path, monkeypatch):
    kept = tmp_path / "models/remembered/compute-0.skops"
    model = tmp_path / "models/churn/2026-01-01-0123456789ab/model.skops"
    for path in (kept, model):
        path.parent.mkdir(parents=True)
        path.touch()
    flags = (
        SimpleNamespace()
        if is_asked is None
        else SimpleNamespace(FULL_REFRESH=is_asked)
    )
    monkeypatch.setattr(remembered_results, "get_flags", lambda: flags)
    remembered_results.forget_on_full_refresh(tmp_path)
    assert kept.exists() == (not is_asked)
    assert model.exists()
