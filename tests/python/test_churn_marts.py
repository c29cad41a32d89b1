"""Drift, intervals and samples of the churn marts, counted another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.builds import NO_SEEDS, DbtRun, run_dbt
from tests.conformance.render import RenderError, render, render_each

DRIFT = "target/compiled/product_analytics/models/marts/churn/model/churn_drift.sql"
NEWEST, CLOSED = "2026-03-29", ["2026-02-01", "2026-02-08"]


@pytest.fixture(scope="module")
def drift_sql(seeds_build: DbtRun) -> str:
    return (seeds_build.warehouse / DRIFT).read_text()


@pytest.fixture(scope="module")
def feature_types(seeds_build: DbtRun) -> dict[str, str]:
    return dict(
        seeds_build.query("""
            select column_name, data_type from information_schema.columns
            where table_schema = 'marts' and table_name = 'user_features'
        """)
    )


class Drift:
    """churn_drift over frames of one's own; what is not given is NULL."""

    def __init__(self, sql: str, types: dict[str, str]) -> None:
        self.sql = sql
        self.types = types

    def of(
        self,
        reference: dict[str, np.ndarray],
        current: dict[str, np.ndarray],
        terms: list[tuple[Any, ...]] = (),
        users: np.ndarray | None = None,
    ) -> pd.DataFrame:
        """Rows of churn_drift by feature. `users`: who each reference row is of."""
        parts = []
        for values, dates in ((reference, CLOSED), (current, [NEWEST])):
            rows = len(next(iter(values.values())))
            who = np.arange(rows) // len(dates)
            if users is not None and values is reference:
                who = users
            frame = pd.DataFrame({"user_id": [f"u{i}" for i in who], **values})
            frame["as_of_date"] = np.resize(dates, rows)
            parts.append(frame.assign(is_eligible=True))
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as build; create schema build.marts")
            self._create(connection, pd.concat(parts, ignore_index=True), terms)
            found = connection.execute(self.sql).df().set_index("feature")
        assert found.index.is_unique
        return found

    def _create(self, connection, rows: pd.DataFrame, terms: list) -> None:
        selected = ", ".join(
            f"cast({name if name in rows else 'null'} as {kind}) as {name}"
            for name, kind in self.types.items()
        )
        connection.execute(f"""
            create table build.marts.user_features as select {selected} from rows;
            create table build.marts.churn_sampled_users as
                select distinct user_id, 1.0::double as sample_share from rows;
            create table build.marts.user_event_usage (
                user_id varchar, as_of_date date, event_name varchar, events_28 bigint
            );
            create table build.marts.as_of_dates as
                select
                    unnest({[*CLOSED, NEWEST]})::date as as_of_date,
                    as_of_date = '{NEWEST}' as is_newest,
                    not is_newest as is_closed;
            create table build.marts.churn_scorecard (
                population varchar, term varchar, kind varchar, source varchar,
                level varchar, transform varchar, threshold double, mean double,
                scale double, coefficient double, model_version varchar
            )
        """)
        for term in terms:
            connection.execute(
                "insert into build.marts.churn_scorecard "
                "(population, term, kind, source, transform, mean, scale, coefficient) "
                "values ('eligible', ?, ?, ?, 'identity', 0, 1, ?)",
                [term[0], *term],
            )


@pytest.fixture(scope="module")
def drift(drift_sql: str, feature_types: dict[str, str]) -> Drift:
    return Drift(drift_sql, feature_types)


def scorecard_of(coefficient: float) -> list[tuple[Any, ...]]:
    return [
        ("intercept", None, -1.0),
        ("number", "weekend_share_28", coefficient),
        ("calibration_shift", None, 0.0),
        ("calibration_slope", None, 1.0),
    ]


def stability_index(reference: np.ndarray, current: np.ndarray) -> float:
    """The population stability index by its definition, NaN in a bin of its own."""
    known = reference[~np.isnan(reference)]
    cuts = np.unique(np.quantile(known, np.arange(1, 10) / 10))
    bins = [-np.inf, *cuts, np.inf]
    counts = []
    for values in (reference, current):
        at = pd.cut(values, bins, labels=False)
        counts.append(
            np.bincount(
                np.where(np.isnan(at), len(cuts) + 1, at).astype(int),
                minlength=len(cuts) + 2,
            )
        )
    counts = np.array(counts)
    counts = counts[:, counts.sum(axis=0) > 0]
    shares = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + counts.shape[1] / 2)
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


@pytest.mark.parametrize("seed", range(5))
def test_the_index_is_that_of_its_definition(drift, seed):
    draw = np.random.default_rng(seed)

    def values(rows: int, shift: float) -> dict[str, np.ndarray]:
        tied = draw.poisson(1 + shift, rows)
        gap = draw.gamma(2, 2 + shift, rows)
        gap[draw.random(rows) < 0.2] = np.nan
        return {
            "recency_days": tied,
            "weekend_share_28": draw.beta(2, 5 - shift, rows),
            "mean_gap_days": gap,
        }

    reference, current = values(600, 0), values(200, seed / 2)
    found = drift.of(reference, current)
    for name, of_reference in reference.items():
        expected = stability_index(
            of_reference.astype(float), current[name].astype(float)
        )
        assert found.loc[name, "psi"] == pytest.approx(expected, rel=1e-9), name
    assert (found["reference_rows"].dropna() == 600).all()
    assert (found["current_rows"].dropna() == 200).all()


def test_what_stays_as_it_was_is_stable_and_what_moved_is_not(drift):
    draw = np.random.default_rng(1)
    same = {"weekend_share_28": draw.beta(2, 5, 4000)}
    other = {"weekend_share_28": draw.beta(2, 5, 1000)}
    found = drift.of(same, other, scorecard_of(2.0))
    assert set(found["status"].dropna()) == {"stable"}
    assert not found["needs_attention"].any()
    moved = {"weekend_share_28": draw.beta(5, 2, 1000)}
    found = drift.of(same, moved, scorecard_of(2.0))
    feature = found.loc["weekend_share_28"]
    assert feature["status"] == "act"
    shift = 2 * (moved["weekend_share_28"].mean() - same["weekend_share_28"].mean())
    assert feature["score_shift"] == pytest.approx(shift, abs=1e-9)
    assert found.loc["score", "score_shift"] == pytest.approx(shift, abs=1e-9)
    needed = set(found.index[found["needs_attention"]])
    assert needed == {"score", "weekend_share_28"}


def test_what_moved_without_moving_the_score_needs_no_attention(drift):
    draw = np.random.default_rng(2)
    old = {
        "tenure_days": draw.integers(10, 100, 4000),
        "weekend_share_28": draw.random(4000),
    }
    new = {
        "tenure_days": draw.integers(60, 160, 1000),
        "weekend_share_28": draw.random(1000),
    }
    found = drift.of(old, new, scorecard_of(1.0))
    assert found.loc["tenure_days", "status"] == "act"
    assert found.loc["tenure_days", "score_shift"] == 0
    assert not found["needs_attention"].any()


def test_without_a_scorecard_the_score_is_unknown_and_all_but_tenure_counts(drift):
    draw = np.random.default_rng(3)
    old = {name: draw.random(4000) * 50 for name in ("tenure_days", "mean_gap_days")}
    new = {name: 30 + draw.random(1000) * 50 for name in old}
    found = drift.of(old, new, [("no scorecard", None, None)])
    assert found.loc["score", ["psi", "status", "score_shift"]].isna().all()
    assert found["score_shift"].isna().all()
    assert found.index[found["needs_attention"]].tolist() == ["mean_gap_days"]


def test_few_users_differ_by_chance_and_are_called_stable(drift):
    by_convention, alarms = 0, 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        # Two alike rows of each user tell no more than one.
        reference = {"weekend_share_28": np.repeat(draw.random(120), 2)}
        found = drift.of(reference, {"weekend_share_28": draw.random(60)})
        by_convention += found.loc["weekend_share_28", "psi"] >= 0.1
        alarms += found.loc["weekend_share_28", "status"] != "stable"
    assert by_convention > 20
    # One in twenty by chance: of 40, more than 7 would be a chance of one in 300.
    assert alarms <= 7


@pytest.mark.parametrize("missing", ["reference", "current"])
def test_with_nothing_to_compare_with_nothing_is_said(drift, missing):
    rows = {"weekend_share_28": np.array([0.1, 0.5])}
    none = {"weekend_share_28": np.empty(0)}
    given = {"reference": rows, "current": rows} | {missing: none}
    found = drift.of(given["reference"], given["current"], scorecard_of(1.0))
    assert (
        found[["psi", "status", "psi_by_chance", "score_shift"]].isna().all(axis=None)
    )
    assert not found["needs_attention"].any()
    assert "score" in found.index


def test_without_users_there_is_no_row(drift):
    none = {"weekend_share_28": np.empty(0)}
    assert drift.of(none, none, scorecard_of(1.0)).empty


def test_independent_rows_are_users_or_rows_by_how_alike_a_users_rows_are():
    [sql] = render([("clustered_rows", {"successes": "y", "trials": "n"})])

    def rows(*users: tuple[int, int]) -> float:
        values = ", ".join(str(user) for user in users)
        with duckdb.connect() as connection:
            query = f"select {sql} from (values {values}) users(y, n)"
            return connection.execute(query).fetchone()[0]

    assert rows((1, 1), (0, 1), (0, 1)) == pytest.approx(3)
    assert rows((2, 2), (0, 2)) == pytest.approx(2)
    assert rows((3, 3), (0, 3), (0, 3), (3, 3)) == pytest.approx(4)
    # Of everyone one of two: more than alike by chance, and not more rows than there are.
    assert rows((1, 2), (1, 2), (1, 2)) == 6
    assert rows((2, 2), (3, 3)) == 2
    assert rows((0, 5)) == 1
    draw = np.random.default_rng(0)
    rate, n = draw.beta(2, 2, 5000), draw.integers(1, 6, 5000)
    y = draw.binomial(n, rate)
    pooled = y.sum() / n.sum()
    expected = pooled * (1 - pooled) * n.sum() ** 2 / ((y - pooled * n) ** 2).sum()
    assert rows(*zip(y.tolist(), n.tolist(), strict=True)) == pytest.approx(expected)
    assert 5000 < expected < n.sum()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"cost": -1, "value": 5, "save_rate": 0.1},
            "cost is '-1', allowed are numbers",
        ),
        ({"cost": 1, "value": 5, "save_rate": 1.5}, "numbers from 0 to 1"),
        ({"cost": 1, "value": 5}, "save_rate is missing"),
        ({"cost": 1, "value": 5, "save_rate": 0.1, "gain": 1}, "has the key 'gain'"),
        ("much", "got 'much', allowed is {cost, value, save_rate}"),
    ],
)
def test_a_wrong_assumption_about_contacting_is_refused(given, message):
    [refused] = render_each([("churn_contact", {})], {"churn_contact": given})
    assert isinstance(refused, RenderError)
    assert message in str(refused)


def test_a_wrong_number_of_training_rows_is_refused():
    [refused] = render_each([("churn_training_rows", {})], {"churn_training_rows": 0})
    assert "is '0', allowed are whole numbers from 1" in str(refused)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """A product of 400 users, of whom the model may see the rows of about a quarter."""
    folder: Path = tmp_path_factory.mktemp("sampled")
    events = folder / "events.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                select
                    'u' || n as user_id, ['tap', 'swipe'][1 + d % 2] as event_name,
                    timestamp '2026-01-01' + d * interval 1 day as event_time
                from range(400) users(n), range(100) days(d)
                where (d + n) % (1 + n % 9) = 0 and not (n % 4 = 1 and d > 25 + n % 70)
            ) to '{events}'
        """)
    build = run_dbt(
        folder / "warehouse",
        "run",
        "-s",
        "+churn_scores",
        "churn_model_choice",
        "churn_test_predictions",
        variables=NO_SEEDS
        | {
            "events": str(events),
            "segments": [],
            "churn_training_rows": 600,
            "churn": {
                "horizon_days": 7,
                "active_days": 14,
                "min_tenure_days": 7,
                "as_of_every_days": 7,
                "as_of_dates": 12,
            },
        },
    )
    assert build.returncode == 0, build.output
    return build


def test_of_many_rows_a_sample_of_users_is_learnt_from_and_everyone_is_scored(sampled):
    [(users, labelled, scored, of_everyone)] = sampled.query("""
        select
            (select count(*) from marts.churn_sampled_users),
            (
                select count(*) from marts.churn_labels
                where is_closed
                    and user_id in (select user_id from marts.churn_sampled_users)
            ),
            (select count(*) from marts.churn_scores),
            (select count(*) from marts.churn_labels where is_closed)
    """)
    assert scored > 250
    assert of_everyone > 2000
    assert 0.5 * 600 < labelled < 1.5 * 600
    assert users < 200
    predicted = sampled.query("""
        select count(*), count(*) filter (sampled.user_id is null)
        from marts.churn_test_predictions as predictions
        left join marts.churn_sampled_users as sampled using (user_id)
    """)
    assert predicted[0][0] > 0
    assert predicted[0][1] == 0
    reasons = sampled.query("select reason from marts.churn_model_choice")
    assert all("sample of users with about 600 labelled rows" in r for (r,) in reasons)
