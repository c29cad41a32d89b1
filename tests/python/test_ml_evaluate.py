"""Metrics equal scikit-learn's, intervals are of users, and leakage is reported."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies
from scipy.special import expit, logit
from sklearn import metrics as reference
from sklearn.linear_model import LogisticRegression
from test_ml_inputs import (
    HORIZON,
    Frames,
    holds_only_nulls,
    joining,
    product,
    shuffled,
)

from ml import churn, evaluate
from ml.features import prepare


@pytest.fixture(scope="module")
def frames() -> Frames:
    return product()


@pytest.fixture(scope="module")
def predicted(frames) -> pd.DataFrame:
    return evaluate.predict_later_dates(*frames, HORIZON)


@pytest.fixture(scope="module")
def tested(predicted) -> pd.DataFrame:
    return evaluate.backtest(predicted, "logistic")


def backtest(*frames, resamples: int = 200) -> pd.DataFrame:
    predicted = evaluate.predict_later_dates(*frames, HORIZON)
    return evaluate.backtest(predicted, "logistic", resamples)


def value(tested: pd.DataFrame, model: str, split: str, metric: str) -> pd.Series:
    keys = (tested["model"] == model) & (tested["split"] == split)
    return tested[keys & (tested["metric"] == metric)].iloc[0]


def measured(probability: np.ndarray, churned: np.ndarray) -> dict[str, float]:
    weights = np.ones((1, len(churned)))
    result = evaluate.metrics(evaluate.tally(probability, churned, weights))
    return {name: values[0] for name, values in result.items()}


def test_metrics_equal_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    # Rounded, so that there are ties, with labels on both sides of them.
    probability = np.round(draw.uniform(0.02, 0.98, 1000), 2)
    churned = (draw.random(1000) < probability**2).astype(float)
    ours = measured(probability, churned)
    close = pytest.approx
    assert ours["roc_auc"] == close(reference.roc_auc_score(churned, probability))
    assert ours["pr_auc"] == close(
        reference.average_precision_score(churned, probability)
    )
    assert ours["log_loss"] == close(reference.log_loss(churned, probability))
    assert ours["brier"] == close(reference.brier_score_loss(churned, probability))
    assert ours["brier_skill"] == close(reference.d2_brier_score(churned, probability))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(
        logit(probability)[:, None], churned
    )
    assert ours["calibration_slope"] == close(fit.coef_[0, 0], rel=1e-4)


@settings(max_examples=50, deadline=None)
@given(
    strategies.lists(
        strategies.tuples(
            strategies.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), strategies.booleans()
        ),
        min_size=4,
        max_size=40,
    )
)
def test_ranking_metrics_hold_for_any_ties(rows):
    probability = np.array([p for p, _ in rows])
    churned = np.array([float(y) for _, y in rows])
    ours = measured(probability, churned)
    if churned.min() == churned.max():
        assert np.isnan(ours["roc_auc"])
        return
    assert ours["roc_auc"] == pytest.approx(
        reference.roc_auc_score(churned, probability)
    )
    assert ours["pr_auc"] == pytest.approx(
        reference.average_precision_score(churned, probability)
    )


def test_lift_counts_the_top_tenth_and_shares_a_tie():
    probability = np.linspace(0.01, 0.99, 100)
    churned = np.zeros(100)
    churned[-8:] = 1
    churned[:8] = 1
    ours = measured(probability, churned)
    # The top ten hold 8 of the 16 that churned.
    assert ours["capture_at_10"] == pytest.approx(0.5)
    assert ours["lift_at_10"] == pytest.approx(5)
    constant = measured(np.full(100, 0.16), churned)
    assert constant["lift_at_10"] == pytest.approx(1)
    assert constant["roc_auc"] == pytest.approx(0.5)
    assert np.isnan(constant["calibration_slope"])


def test_calibrated_scores_have_slope_one_and_intercept_zero():
    draw = np.random.default_rng(1)
    log_odds = draw.normal(-1, 1.5, 40_000)
    churned = (draw.random(40_000) < expit(log_odds)).astype(float)
    ours = measured(expit(log_odds), churned)
    assert abs(ours["calibration_slope"] - 1) < 0.05
    assert abs(ours["calibration_intercept"]) < 0.05
    timid = measured(expit(log_odds / 2 + 1), churned)
    assert abs(timid["calibration_slope"] - 2) < 0.1
    assert timid["calibration_intercept"] < -0.5


def test_weights_are_repeated_rows():
    draw = np.random.default_rng(2)
    probability = np.round(draw.random(50) * 0.9 + 0.05, 1)
    churned = (draw.random(50) < probability).astype(float)
    times = draw.integers(0, 4, 50)
    weighted = evaluate.metrics(
        evaluate.tally(probability, churned, times[None].astype(float))
    )
    repeated = measured(np.repeat(probability, times), np.repeat(churned, times))
    for name, values in weighted.items():
        assert values[0] == pytest.approx(repeated[name]), name


def test_a_resample_draws_all_rows_of_a_user_together():
    user_id = np.array(["a", "b", "a", "c", "b", "a"], dtype=object)
    weights = evaluate.user_weights(user_id, 500, np.random.default_rng(0))
    assert weights.shape == (500, 6)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
    # As many users as there are, whatever their rows.
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights[:, 0].max() >= 2


def split_interval(rows: pd.DataFrame, metric: str) -> pd.Series:
    columns = list(evaluate.METRIC_TYPES)
    found = pd.DataFrame(evaluate._split_metrics("test", rows, 200, 1), columns=columns)
    return value(found, "logistic", "test", metric)


def predicted_rows(users: int, repeats: int, seed: int) -> pd.DataFrame:
    """Predictions of which each user has several equal ones, calibrated by design."""
    draw = np.random.default_rng(seed)
    probability = expit(draw.normal(-1, 1, users))
    churned = (draw.random(users) < probability).astype(float)
    rows = {
        "user_id": np.repeat([f"u{i}" for i in range(users)], repeats),
        "as_of_date": pd.Timestamp("2026-05-03"),
        "churned": np.repeat(churned, repeats),
    }
    rows |= dict.fromkeys(evaluate.MODELS, 0.3)
    return pd.DataFrame(rows | {"logistic": np.repeat(probability, repeats)})


def test_repeating_a_users_rows_does_not_narrow_an_interval():
    once = split_interval(predicted_rows(300, 1, seed=0), "roc_auc")
    five = split_interval(predicted_rows(300, 5, seed=0), "roc_auc")
    assert five["rows"] == 5 * once["rows"]
    assert five["ci_low"] == pytest.approx(once["ci_low"])
    assert five["ci_high"] == pytest.approx(once["ci_high"])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    draw = np.random.default_rng(99)
    log_odds = draw.normal(-1, 1, 400_000)
    churned = draw.random(400_000) < expit(log_odds)
    truth = reference.roc_auc_score(churned, log_odds)
    covered = 0
    for seed in range(40):
        found = split_interval(predicted_rows(250, 2, seed=seed + 10), "roc_auc")
        assert found["ci_low"] <= found["value"] <= found["ci_high"]
        covered += found["ci_low"] <= truth <= found["ci_high"]
    # Of 40 at 95 %: fewer than 33 would be a chance of one in ten thousand.
    assert covered >= 33


def test_differences_are_paired(tested):
    def width(model, metric):
        found = value(tested, model, "test", metric)
        return found["ci_high"] - found["ci_low"]

    difference = value(tested, "shipped", "test", "roc_auc_minus_recency_rule")
    champion = value(tested, "shipped", "test", "roc_auc")
    recency = value(tested, "recency_rule", "test", "roc_auc")
    assert difference["value"] == pytest.approx(champion["value"] - recency["value"])
    unpaired = width("logistic", "roc_auc") + width("recency_rule", "roc_auc")
    assert width("shipped", "roc_auc_minus_recency_rule") < 0.7 * unpaired


def test_the_grain_is_dense_and_everything_unknown_is_null(frames, tested):
    assert not tested.duplicated(["model", "split", "metric"]).any()
    closed = frames[2].loc[frames[2]["is_closed"], "as_of_date"].unique()
    last = [f"test {date:%Y-%m-%d}" for date in sorted(closed)[-3:]]
    assert list(tested["split"].unique()) == ["test", *last, "test new users"]
    per_split = tested.groupby(["split", "model"]).size()
    own, warning = len(evaluate.METRICS), 1
    differences = {"test new users": len(evaluate.COMPARED)}
    for split, of_split in per_split.groupby(level=0):
        expected = dict.fromkeys(evaluate.KINDS, own + warning)
        expected |= dict.fromkeys(evaluate.BASELINES, own)
        if split == "test new users":
            expected = {kind: expected[kind] for kind in evaluate.NEW_USER_KINDS}
        compared = differences.get(split, 2 * len(evaluate.COMPARED))
        expected["shipped"] = own + warning + compared
        assert of_split.droplevel(0).to_dict() == expected
    assert tested.dtypes.astype(str).to_dict() == evaluate.METRIC_TYPES
    assert holds_only_nulls(tested)
    dates = value(tested, "logistic", "test", "brier")["rows"]
    parts = [value(tested, "logistic", split, "brier")["rows"] for split in last]
    assert dates == sum(parts)


def test_the_model_beats_what_it_has_to_on_the_planted_truth(tested):
    better = value(tested, "shipped", "test", "roc_auc_minus_recency_rule")
    assert better["ci_low"] > 0
    assert value(tested, "logistic", "test", "brier_skill")["ci_low"] > 0
    slope = value(tested, "logistic", "test", "calibration_slope")
    assert slope["ci_low"] < 1 < slope["ci_high"]
    assert value(tested, "logistic", "test", "leakage_warning")["value"] == 0


def test_the_order_of_rows_changes_nothing(frames, predicted, tested):
    again = evaluate.predict_later_dates(*(shuffled(f) for f in frames), HORIZON)
    pd.testing.assert_frame_equal(again, predicted, check_exact=True)
    again = evaluate.backtest(shuffled(predicted), "logistic")
    pd.testing.assert_frame_equal(again, tested, check_exact=True)


def test_new_users_are_predicted_at_least_as_well_as_by_their_own_baselines():
    tested = backtest(*joining())
    skill = value(tested, "logistic", "test new users", "brier_skill")
    assert skill["ci_low"] > 0
    slope = value(tested, "logistic", "test new users", "calibration_slope")
    assert slope["ci_low"] < 1 < slope["ci_high"]
    for model in evaluate.NEW_USER_KINDS:
        # The baselines know new users too, so none is off in the mean.
        off = value(tested, model, "test new users", "calibration_intercept")
        assert off["ci_low"] < 0 < off["ci_high"]
        brier = value(tested, model, "test new users", "brier")
        ours = value(tested, "logistic", "test new users", "brier")
        assert ours["value"] <= brier["value"]


def test_too_few_new_users_to_learn_from_leave_their_model_unknown():
    features, usage, labels = joining(users=150)
    is_new = ~features["is_eligible"].to_numpy()
    labels.loc[np.flatnonzero(is_new)[:-300], "is_closed"] = False
    tested = backtest(features, usage, labels, resamples=20)
    assert holds_only_nulls(tested)
    for split, is_known in (("test", True), ("test new users", False)):
        found = value(tested, "logistic", split, "brier")["value"]
        assert (found is not pd.NA) == is_known
        assert value(tested, "recency_rule", split, "brier")["value"] > 0
    # What is shipped for them is then the rule.
    for metric in evaluate.METRICS:
        shipped, rule = (
            value(tested, model, "test new users", metric)["value"]
            for model in ("shipped", "recency_rule")
        )
        assert shipped == rule or (shipped is pd.NA and rule is pd.NA)


def test_each_date_is_predicted_by_what_was_known_then(frames):
    features, usage, labels = frames
    predicted = evaluate.predict_later_dates(
        features, usage, labels, HORIZON, test_dates=1
    )
    date = predicted["as_of_date"].max()
    # Labels that closed later are flipped: the same date's predictions stay.
    later = labels["as_of_date"] > date - pd.Timedelta(days=HORIZON)
    flipped = labels.copy()
    flipped.loc[later, "is_churned"] = ~labels.loc[later, "is_churned"]
    again = evaluate.predict_later_dates(
        features, usage, flipped, HORIZON, test_dates=1
    )
    models = list(evaluate.KINDS)
    pd.testing.assert_frame_equal(again[models], predicted[models], check_exact=True)
    is_test = predicted["split"] == "test"
    assert (predicted["is_churned"] != again["is_churned"])[is_test].all()


def test_a_feature_that_saw_the_label_is_reported(frames):
    features, usage, labels = frames
    peeking = features.copy()
    churned = labels["is_churned"].fillna(False).to_numpy(dtype=bool)
    peeking["sessions_28"] = np.where(churned, 0, 50)
    tested = backtest(peeking, usage, labels, resamples=20)
    warning = tested[tested["metric"] == "leakage_warning"]
    warning = warning.set_index(["model", "split"])["value"].unstack("model")
    warning = warning.drop("test new users")
    # It is not one that the logistic of recency, frequency and volume knows.
    assert (warning["rfm_logistic"] == 0).all()
    assert (warning.drop(columns="rfm_logistic") == 1).all(axis=None)


def test_nothing_to_test_gives_no_rows(frames):
    features, usage, labels = frames
    for untestable in (
        [frame.iloc[:0] for frame in frames],
        [features, usage, labels.assign(is_closed=False)],
        product(users=30, dates=5),
    ):
        tested = backtest(*untestable)
        assert tested.empty
        assert tested.dtypes.astype(str).to_dict() == evaluate.METRIC_TYPES


def test_one_class_and_small_data_leave_nulls_not_errors(frames):
    features, usage, labels = frames
    one_class = labels.assign(is_churned=False)
    tested = backtest(features, usage, one_class, resamples=20)
    assert holds_only_nulls(tested)
    auc = tested[tested["metric"] == "roc_auc"]
    assert auc["value"].isna().all()
    base = value(tested, "base_rate", "test", "log_loss")
    assert base["value"] > 0
    small = backtest(*product(users=15, dates=12), resamples=20)
    assert holds_only_nulls(small)
    # Too few labels for the model: its metrics are unknown, the rule's are not.
    assert value(small, "logistic", "test", "brier")["value"] is pd.NA
    assert value(small, "recency_rule", "test", "brier")["value"] is not pd.NA
    assert value(small, "logistic", "test", "leakage_warning")["value"] == 0
    shipped, rule = (
        value(small, m, "test", "brier") for m in ("shipped", "recency_rule")
    )
    assert shipped["value"] == rule["value"]
    only = one_class.assign(is_churned=True)
    shipped = value(backtest(features, usage, only), "shipped", "test", "brier")
    assert shipped["value"] < 0.01


def test_one_user_is_scored_by_the_rule_and_gives_no_interval():
    predicted = evaluate.predict_later_dates(*product(users=1, dates=20), HORIZON)
    assert predicted["user_id"].nunique() == 1
    assert (
        predicted[["rfm_logistic", "logistic", "boosted_trees"]].isna().all(axis=None)
    )
    tested = evaluate.backtest(predicted, "logistic", resamples=20)
    assert holds_only_nulls(tested)
    brier = value(tested, "shipped", "test", "brier")
    assert brier["value"] > 0
    assert tested[["ci_low", "ci_high"]].isna().all(axis=None)


@pytest.mark.parametrize("kind", evaluate.KINDS)
def test_the_shipped_code_is_the_tested_code(frames, predicted, kind):
    inputs = prepare(*frames)
    date = predicted["as_of_date"].max()
    at = np.datetime64(date, "D")
    model = churn.fit(inputs, at, HORIZON, kind=kind)
    rows = np.flatnonzero((inputs.as_of_date == at) & inputs.is_eligible)
    on_date = predicted[(predicted["as_of_date"] == date) & ~predicted["is_new_user"]]
    np.testing.assert_array_equal(on_date["user_id"], inputs.user_id[rows])
    np.testing.assert_array_equal(on_date[kind], churn.predict(model, inputs, rows))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"champion": "forest"}, "champion: given 'forest', allowed are: base_rate"),
        ({"champion": "logistic", "resamples": 0}, "resamples: given 0"),
        ({"champion": "logistic", "seed": -1}, "seed: given -1"),
    ],
)
def test_a_wrong_argument_is_named(predicted, arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate.backtest(predicted, **arguments)


def test_a_missing_column_is_named(predicted):
    given = predicted.drop(columns="logistic")
    with pytest.raises(ValueError, match="predictions: missing column 'logistic'"):
        evaluate.backtest(given, "logistic")
