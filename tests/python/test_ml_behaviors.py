"""Adjusted behaviours: right estimates, honest intervals, no find where nothing is."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, false_discovery_control
from sklearn.linear_model import LogisticRegression
from test_ml_inputs import shuffled
from threadpoolctl import threadpool_limits

from ml import behaviors
from ml.behaviors import Behavior

Z = 1.959963984540054
FIRST_DAY = np.datetime64("2026-01-05")
CAUSES = {"cause_0": 1, "cause_1": 2}
BYSTANDERS = 18
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def product(users: int = 3000, seed: int = 0, effect: float = 1.2) -> Frames:
    """users, exposures and contrasts of a product in which CAUSES make users stay.

    Engagement is hidden. It makes users come on more days, do more of everything on them,
    and stay. `follows` is done by those who did cause_1, and changes nothing.
    """
    draw = np.random.default_rng(seed)
    engagement = draw.normal(size=users)
    plan = draw.choice(["free", "plus", "team"], users, p=[0.6, 0.3, 0.1])
    active_days = 1 + draw.binomial(6, expit(-1.5 + 0.8 * engagement))
    counts = {
        f"bystander_{i:02d}": draw.binomial(active_days, rate)
        for i, rate in enumerate(np.linspace(0.03, 0.3, BYSTANDERS))
    }
    counts["search"] = draw.poisson(active_days * np.exp(0.2 * engagement))
    counts["cause_0"] = draw.binomial(1, expit(-0.8 + 0.4 * engagement))
    counts["cause_1"] = draw.binomial(4, expit(-1 + 0.3 * engagement))
    does = {event: counts[event] >= n for event, n in CAUSES.items()}
    counts["follows"] = draw.binomial(1, np.where(does["cause_1"], 0.6, 0.1))
    log_odds = (
        -1 + 0.8 * engagement + effect * sum(does.values()) + 0.4 * (plan != "free")
    )
    joined = FIRST_DAY + np.sort(draw.integers(0, 100, users)).astype("timedelta64[D]")
    user_id = np.char.mod("u%05d", np.arange(users))
    table = np.column_stack(list(counts.values()))
    frame = pd.DataFrame(
        {
            "user_id": user_id,
            "segments": [json.dumps({"plan": p}) for p in plan],
            "cohort": np.where(
                np.arange(users) < users / 2, "discovery", "confirmation"
            ),
            "active_days": active_days,
            "last_active_day": np.where(active_days > 1, draw.integers(1, 7, users), 0),
            "event_count": table.sum(axis=1),
            "is_retained": draw.random(users) < expit(log_odds),
            "cohort_date": joined.astype("datetime64[us]"),
        }
    )
    user, event = np.nonzero(table)
    exposures = pd.DataFrame(
        {
            "user_id": user_id[user],
            "event_name": np.array(list(counts))[event],
            "event_count": table[user, event],
        }
    )
    tested = [(event, 1) for event in counts]
    tested += [("cause_1", 2), ("cause_1", 3), ("search", 2), ("search", 5)]
    return frame, exposures, pd.DataFrame(tested, columns=["event_name", "threshold"])


def told(frames: Frames, false_discovery_rate: float = 0.05) -> pd.DataFrame:
    return behaviors.estimate(*frames, false_discovery_rate, Z)


def row(found: pd.DataFrame, event: str, threshold: int = 1) -> pd.Series:
    chosen = (found["event_name"] == event) & (found["threshold"] == threshold)
    [(_, only)] = found[chosen].iterrows()
    return only


def randomised(users: int, share: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """A behaviour by the toss of a coin, two covariates and staying, which it raises."""
    draw = np.random.default_rng(seed)
    covariates = draw.normal(size=(users, 2))
    exposed = (draw.random(users) < share).astype(float)
    base = -0.5 + covariates @ [0.8, -0.5]
    is_retained = (draw.random(users) < expit(base + 0.9 * exposed)).astype(float)
    truth = (expit(base + 0.9) - expit(base)).mean()
    return exposed, covariates, is_retained, truth


# Estimates


def test_the_weights_are_those_of_a_ridge_regression():
    exposed, covariates, is_retained, _ = randomised(500, 0.3)
    design = np.column_stack([np.ones(500), exposed, covariates])
    weights, _ = behaviors.fit_logistic(design, is_retained)
    peer = LogisticRegression(C=behaviors.PRIOR_DEVIATION**2, tol=1e-10, max_iter=1000)
    peer.fit(design[:, 1:], is_retained)
    np.testing.assert_allclose(weights[1:], peer.coef_[0], atol=1e-4)
    np.testing.assert_allclose(weights[0], peer.intercept_[0], atol=1e-4)


def test_a_randomised_behaviour_is_estimated_without_bias():
    exposed, covariates, is_retained, truth = randomised(40_000, 0.3)
    estimate = behaviors.adjusted(exposed, covariates, is_retained)
    assert abs(estimate.difference - truth) < 3 * estimate.difference_error
    assert estimate.difference_error < 0.006
    raw = is_retained[exposed == 1].mean() - is_retained[exposed == 0].mean()
    assert abs(estimate.difference - raw) < 0.006
    without = estimate.risk_without
    ratio = (without + estimate.difference) / without
    assert estimate.log_ratio == pytest.approx(np.log(ratio))


def test_standard_errors_are_those_of_resampling_the_users():
    exposed, covariates, is_retained, _ = randomised(600, 0.2)
    estimate = behaviors.adjusted(exposed, covariates, is_retained)
    draw = np.random.default_rng(1)
    again = []
    for _ in range(600):
        drawn = draw.integers(0, 600, 600)
        again.append(
            behaviors.adjusted(exposed[drawn], covariates[drawn], is_retained[drawn])
        )
    # 600 resamples tell a deviation to within 1 / sqrt(1200), about 3 %.
    for value, error in (
        ("difference", estimate.difference_error),
        ("log_ratio", estimate.log_ratio_error),
    ):
        spread = np.std([getattr(e, value) for e in again])
        assert spread == pytest.approx(error, rel=0.1)


def test_intervals_cover_the_truth_as_often_as_they_say():
    covered, repeats = 0, 400
    for seed in range(repeats):
        exposed, covariates, is_retained, truth = randomised(200, 0.3, seed)
        estimate = behaviors.adjusted(exposed, covariates, is_retained)
        covered += abs(estimate.difference - truth) < Z * estimate.difference_error
    assert binom.ppf(0.001, repeats, 0.95) <= covered <= binom.ppf(0.999, repeats, 0.95)


def test_what_all_or_none_of_them_tell_is_finite():
    exposed, covariates, is_retained, _ = randomised(200, 0.3)
    for retained in (np.maximum(is_retained, exposed), is_retained * (1 - exposed)):
        estimate = behaviors.adjusted(exposed, covariates, retained)
        assert np.isfinite(estimate).all()
        assert 0.2 < abs(estimate.difference) < 1


def test_q_values_are_those_of_benjamini_and_hochberg():
    assert behaviors.q_values(np.array([0.01, 0.04, 0.03, 0.5])) == pytest.approx(
        [0.04, 0.16 / 3, 0.16 / 3, 0.5]
    )
    p_values = np.random.default_rng(0).random(50) ** 3
    expected = false_discovery_control(p_values)
    np.testing.assert_allclose(behaviors.q_values(p_values), expected)
    assert behaviors.q_values(np.array([])).shape == (0,)


# What is found


def test_causes_are_found_and_confirmed_and_bystanders_are_not():
    frames = product()
    found = told(frames)
    best = found[found["is_best_threshold"].astype(bool)].set_index("event_name")
    assert len(best) == len(frames[2]["event_name"].unique())
    for event, threshold in CAUSES.items():
        assert best.loc[event, "threshold"] == threshold
        assert best.loc[event, "q_value"] < 0.001
        assert best.loc[event, "confirmed_ci_low"] > 0
    others = best.loc[[f"bystander_{i:02d}" for i in range(BYSTANDERS)]]
    is_confirmed = (others["q_value"] < 0.05) & (others["confirmed_ci_low"] > 0)
    assert not is_confirmed.any()
    # They do differ: without holding anything equal most of them would be finds.
    users, exposures, _ = frames
    clear = 0
    for event in others.index:
        did = users["user_id"].isin(exposures["user_id"][exposures.event_name == event])
        clear += (did.corr(users["is_retained"]) ** 2) * len(users) > Z**2
    assert clear > BYSTANDERS / 2


def test_what_only_follows_a_cause_vanishes_once_the_cause_is_held_equal():
    found = told(product(users=8000))
    follows = row(found, "follows")
    assert follows["ci_low"] > 0
    assert (
        follows["independent_risk_difference"]
        < 0.3 * follows["adjusted_risk_difference"]
    )
    cause = row(found, "cause_1", 2)
    assert cause["independent_ci_low"] > 0.7 * cause["adjusted_risk_difference"]


def test_shuffled_exposures_are_significant_as_often_as_chance_says():
    users, exposures, contrasts = product(users=1500)
    contrasts = contrasts.drop_duplicates("event_name")
    contrasts = contrasts[contrasts["event_name"] != "search"]
    is_shuffled = exposures["event_name"].isin(contrasts["event_name"])
    draw = np.random.default_rng(5)
    p_values, finds = [], 0
    for _ in range(repeats := 25):
        moved = exposures.copy()
        for _, rows in exposures[is_shuffled].groupby("event_name"):
            others = draw.choice(users["user_id"], len(rows), replace=False)
            moved.loc[rows.index, "user_id"] = others
        total = moved.groupby("user_id")["event_count"].sum()
        total = users["user_id"].map(total).fillna(0).astype(int)
        found = told((users.assign(event_count=total), moved, contrasts))
        p_values += found["p_value"].to_list()
        again = (found["confirmed_ci_low"] > 0) | (found["confirmed_ci_high"] < 0)
        finds += ((found["q_value"] < 0.05) & again).sum()
    tests = len(p_values)
    assert tests == repeats * len(contrasts)
    low, high = binom.ppf([0.001, 0.999], tests, 0.05)
    assert low <= (np.array(p_values) < 0.05).sum() <= high
    assert np.mean(p_values) == pytest.approx(0.5, abs=4 * 0.29 / np.sqrt(tests))
    # Two fair halves of the cohorts agree on nothing.
    assert finds <= 1


def test_an_outcome_before_the_exposure_is_not_explained_by_it():
    """A placebo: what users did before they joined depends on engagement alone."""
    users, exposures, contrasts = product(users=1500, effect=0.0)
    found = told((users, exposures, contrasts))
    assert (found["q_value"] < 0.05).sum() <= 1
    for event in CAUSES:
        assert row(found, event)["q_value"] >= 0.05


def test_of_equal_thresholds_the_lowest_is_the_best():
    tested = [Behavior("a", 1), Behavior("a", 2), Behavior("b", 1), Behavior("b", 3)]
    best = behaviors.best_thresholds(tested, np.array([2.0, 2.0, 1.0, 4.0]))
    assert best.tolist() == [True, False, False, True]
    assert behaviors.best_thresholds([], np.array([])).shape == (0,)


def test_doing_more_of_the_event_itself_is_no_other_activity():
    users, exposures, contrasts = product(users=800)
    contrasts = contrasts[contrasts["event_name"] == "cause_0"]
    expected = told((users, exposures, contrasts))
    is_own = exposures["event_name"] == "cause_0"
    more = exposures.assign(
        event_count=exposures["event_count"] * np.where(is_own, 9, 1)
    )
    added = more["event_count"] - exposures["event_count"]
    per_user = added.groupby(exposures["user_id"]).sum()
    total = users["event_count"] + users["user_id"].map(per_user).fillna(0).astype(int)
    again = told((users.assign(event_count=total), more, contrasts))
    pd.testing.assert_frame_equal(again, expected)


# Determinism


def test_rows_in_any_order_on_any_threads_give_the_same_bytes():
    frames = product(users=700)
    with threadpool_limits(1):
        expected = told(frames)
    with threadpool_limits(2):
        again = told(tuple(shuffled(frame) for frame in frames))
    pd.testing.assert_frame_equal(again, expected, check_exact=True)
    assert expected.dtypes.astype(str).to_dict() == behaviors.ESTIMATE_TYPES


# Edges


@pytest.mark.parametrize("users", [0, 1, 2, 500])
def test_nothing_to_test_is_an_empty_table(users):
    frames = product(users=500)
    few = frames[0].iloc[:users]
    for exposures in (frames[1], frames[1].iloc[:0]):
        found = told((few, exposures, frames[2].iloc[:0]))
        assert len(found) == 0
        assert found.dtypes.astype(str).to_dict() == behaviors.ESTIMATE_TYPES


@pytest.mark.parametrize(
    "case", ["two users", "all did", "none did", "none stayed", "all stayed"]
)
def test_what_cannot_be_told_apart_is_no_find(case):
    users, exposures, contrasts = product(users=200)
    contrasts = contrasts[contrasts["event_name"] == "cause_0"]
    if case == "two users":
        users = users.iloc[[0, -1]]
    if case == "all did":
        exposures = users[["user_id"]].assign(event_name="cause_0", event_count=1)
    if case == "none did":
        exposures = exposures.iloc[:0]
    if case in ("none stayed", "all stayed"):
        users = users.assign(is_retained=case == "all stayed")
    found = told((users, exposures, contrasts))
    assert len(found) == 1
    assert not (found["q_value"] < 0.05).any()
    values = found.select_dtypes("Float64").to_numpy(dtype="float64", na_value=0.0)
    assert np.isfinite(values).all()
    for name in ("adjusted_risk_difference", "ci_low", "ci_high", "confirmed_ci_low"):
        assert found[name].isna().all() or found[name].between(-1, 1).all()


def test_a_thousand_levels_of_a_segment_are_pooled():
    users, exposures, contrasts = product(users=400)
    many = [json.dumps({"city": str(i)}) for i in range(400)]
    alike = [json.dumps({"city": "one"})] * 400
    expected = told((users.assign(segments=alike), exposures, contrasts))
    again = told((users.assign(segments=many), exposures, contrasts))
    pd.testing.assert_frame_equal(again, expected)


WRONG = {
    "column": (
        0,
        lambda f: f.drop(columns="active_days"),
        "users: missing column 'active_days'",
    ),
    "user twice": (0, lambda f: pd.concat([f, f.iloc[:1]]), "users: 1 rows repeat"),
    "cohort": (
        0,
        lambda f: f.assign(cohort="early"),
        "holds 'early'; allowed are 'discovery'",
    ),
    "segments": (
        0,
        lambda f: f.assign(segments="plan"),
        "users: column 'segments' holds",
    ),
    "one cohort": (0, lambda f: f.assign(cohort="discovery"), "none is in the cohort"),
    "exposure twice": (1, lambda f: pd.concat([f, f.iloc[:1]]), "exposures: 1 rows"),
    "no event": (
        1,
        lambda f: f.iloc[:1].assign(event_name=None),
        "'event_name' holds NULL",
    ),
    "contrast twice": (2, lambda f: pd.concat([f, f]), "contrasts: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_frame_is_named(case):
    position, change, said = WRONG[case]
    frames = list(product(users=100))
    frames[position] = change(frames[position])
    with pytest.raises(ValueError, match=said):
        told(tuple(frames))


@pytest.mark.parametrize(
    ("rate", "z"), [(-0.1, Z), (1.1, Z), (0.05, 0.0), (0.05, np.inf)]
)
def test_a_wrong_argument_is_named(rate, z):
    with pytest.raises(ValueError, match="allowed"):
        behaviors.estimate(*product(users=100), rate, z)
