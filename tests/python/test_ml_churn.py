"""Scores: the same for the same input, calibrated, explained, and never a crash."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from test_ml_inputs import (
    HORIZON,
    Frames,
    holds_only_nulls,
    joining,
    log_odds_truth,
    new_user_truth,
    product,
    shuffled,
)

from ml import baselines, calibration, candidates, churn, reasons
from ml.features import NAMES, design_matrix, newest_date, prepare

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def frames() -> Frames:
    return product()


@pytest.fixture(scope="module")
def scores(frames) -> pd.DataFrame:
    return churn.score_users(*frames, HORIZON)


def fitted(frames: Frames, kind: str = "logistic") -> tuple:
    inputs = prepare(*frames)
    at = newest_date(inputs)
    return inputs, at, churn.fit(inputs, at, HORIZON, churn.DEFAULTS, kind)


def contributions(model, inputs, rows) -> np.ndarray:
    """Coefficient * deviation by column: what a logistic kind adds to the log-odds."""
    return design_matrix(model.columns, inputs, rows) * model.coefficients


def test_every_user_of_the_newest_date_is_scored_once(frames, scores):
    features = frames[0]
    newest = features[features["as_of_date"] == features["as_of_date"].max()]
    assert sorted(scores["user_id"]) == sorted(newest["user_id"])
    assert scores["churn_probability"].between(0, 1, inclusive="neither").all()
    assert list(scores.columns) == list(churn.SCORE_TYPES)
    assert scores["model_version"].str.fullmatch("logistic-[0-9a-f]{8}").all()
    assert holds_only_nulls(scores)
    is_new = scores.set_index("user_id")["is_new_user"]
    assert (is_new == ~newest.set_index("user_id")["is_eligible"]).all()


def test_the_order_of_rows_changes_nothing(frames, scores):
    again = churn.score_users(*(shuffled(frame) for frame in frames), HORIZON)
    pd.testing.assert_frame_equal(again, scores, check_exact=True)


def test_the_number_of_threads_changes_nothing():
    code = (
        "from test_ml_inputs import joining, HORIZON\n"
        "from ml import choice, churn, evaluate, segments\n"
        "f = joining(users=200, dates=18)\n"
        "for kind in churn.KINDS:\n"
        "    print(churn.score_users(*f, HORIZON, kind=kind).to_csv())\n"
        "p = evaluate.predict_later_dates(*f, HORIZON, selection_dates=2)\n"
        "print(p.to_csv(), choice.choose(p, resamples=20).to_csv())\n"
        "print(evaluate.backtest(p, 'boosted_trees', resamples=20).to_csv())\n"
        "newest = f[1][f[1]['as_of_date'] == f[1]['as_of_date'].max()]\n"
        "sample = newest.assign(is_new=False)\n"
        "print(segments.find(sample, resamples=5).to_csv())\n"
    )
    digests = set()
    for threads in ("1", "4"):
        given = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads
        )
        paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | given | {"PYTHONPATH": paths},
            capture_output=True,
            check=True,
        )
        digests.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(digests) == 1


def test_the_version_follows_the_training_rows_and_the_settings(frames, scores):
    features, usage, labels = frames
    version = scores["model_version"].iloc[0]

    def version_of(features=features, horizon=HORIZON, settings=churn.DEFAULTS):
        scored = churn.score_users(features, usage, labels, horizon, settings)
        return scored["model_version"].iloc[0]

    changed = features.copy()
    changed.loc[changed["is_eligible"].idxmax(), "events_84"] += 1
    later = features.copy()
    later.loc[later["as_of_date"].idxmax(), "events_84"] += 1
    assert version_of(changed) != version
    assert version_of(later) == version
    assert version_of(settings=churn.Settings(inverse_penalty=1.0)) != version
    assert version_of(horizon=27) != version


def test_labels_that_the_embargo_excludes_are_not_used(frames):
    features, usage, labels = frames
    at = labels["as_of_date"].max() - pd.Timedelta(days=HORIZON)
    is_embargoed = labels["as_of_date"] > at - pd.Timedelta(days=HORIZON)
    # The closed labels of the embargoed weeks are planted in a feature, inverted.
    planted = labels.copy()
    planted.loc[is_embargoed, "is_churned"] = ~labels.loc[is_embargoed, "is_churned"]
    leaking = features.copy()
    leak = planted["is_churned"].fillna(False).to_numpy(dtype=bool) & is_embargoed
    leaking.loc[leak.to_numpy() & (features["as_of_date"] < at), "events_84"] = 9999
    honest = prepare(features, usage, labels)
    peeking = prepare(leaking, usage, planted)
    models = [
        churn.fit(inputs, np.datetime64(at, "D"), HORIZON, churn.DEFAULTS)
        for inputs in (honest, peeking)
    ]
    assert models[0].kind == "logistic"
    assert models[0].version == models[1].version
    np.testing.assert_array_equal(models[0].coefficients, models[1].coefficients)
    assert models[0].recency_rates.tolist() == models[1].recency_rates.tolist()
    assert (models[0].shift, models[0].slope) == (models[1].shift, models[1].slope)
    # The same plant is seen as soon as the embargo has passed.
    late = [
        churn.fit(inputs, newest_date(inputs), HORIZON, churn.DEFAULTS)
        for inputs in (honest, peeking)
    ]
    assert late[0].version != late[1].version


def test_users_who_are_not_new_are_not_learnt_from_new_ones(frames):
    inputs, at, model = fitted(frames)
    rows = churn.training_rows(inputs, at, HORIZON)
    assert inputs.is_eligible[rows].all()
    assert model.training_rows == len(rows)


@pytest.fixture(scope="module")
def young() -> Frames:
    return joining()


def of_new_users(scores: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """The scores of new users, with their features."""
    newest = features[features["as_of_date"] == features["as_of_date"].max()]
    keys = ["user_id", "as_of_date"]
    return scores[scores["is_new_user"]].merge(newest, on=keys)


def test_new_users_recover_a_truth_of_their_own(young):
    scores = churn.score_users(*young, HORIZON)
    users = of_new_users(scores, young[0])
    assert len(users) > 150
    truth = expit(new_user_truth(users))
    probability = users["churn_probability"].to_numpy(dtype=float)
    assert abs(probability.mean() - truth.mean()) < 0.02
    assert np.abs(probability - truth).mean() < 0.03
    # What is true of the others would have been far off.
    inputs, at, model = fitted(young)
    rows = np.flatnonzero((inputs.as_of_date == at) & ~inputs.is_eligible)
    elder = churn.predict(model._replace(new_users=None), inputs, rows)
    assert np.abs(elder - truth).mean() > 0.09


@pytest.mark.parametrize("is_new", [True, False])
def test_new_and_other_users_learn_only_from_their_own_kind(young, is_new):
    features, usage, labels = young
    other = features["is_eligible"] == is_new
    flipped = labels.copy()
    flipped.loc[other, "is_churned"] = ~labels.loc[other, "is_churned"]
    scores = churn.score_users(features, usage, labels, HORIZON)
    again = churn.score_users(features, usage, flipped, HORIZON)
    same = scores["is_new_user"] == is_new
    learnt = ["churn_probability", "model_version", "top_reason_1"]
    pd.testing.assert_frame_equal(
        again.loc[same, learnt], scores.loc[same, learnt], check_exact=True
    )
    changed = again["model_version"][~same] != scores["model_version"][~same]
    assert changed.all()


def test_labels_of_new_users_are_embargoed_too(young):
    features, usage, labels = young
    at = labels["as_of_date"].max() - pd.Timedelta(days=HORIZON)
    flipped = labels.copy()
    late = labels["as_of_date"] > at - pd.Timedelta(days=HORIZON)
    flipped.loc[late, "is_churned"] = ~labels.loc[late, "is_churned"]
    first, second = (
        churn.fit(
            prepare(features, usage, given),
            np.datetime64(at, "D"),
            HORIZON,
            churn.DEFAULTS,
        ).new_users
        for given in (labels, flipped)
    )
    assert first.kind == "logistic"
    assert first.version == second.version
    np.testing.assert_array_equal(first.coefficients, second.coefficients)


def test_the_order_of_rows_changes_nothing_for_new_users(young):
    scores = churn.score_users(*young, HORIZON)
    again = churn.score_users(*(shuffled(frame) for frame in young), HORIZON)
    pd.testing.assert_frame_equal(again, scores, check_exact=True)


def test_every_reason_of_a_new_user_is_true_of_them(young):
    users = of_new_users(churn.score_users(*young, HORIZON), young[0])
    told = 0
    for user in users.itertuples():
        days = [
            "1 day" if n == 1 else f"{n:.0f} days"
            for n in (user.recency_days, user.tenure_days)
        ]
        plan = json.loads(user.segments)["plan"]
        true = (
            f"last active {days[0]} ago (typical: ",
            f"joined {days[1]} ago (typical: ",
            f"plan is {plan}",
        )
        for reason in (user.top_reason_1, user.top_reason_2, user.top_reason_3):
            if reason is pd.NA:
                continue
            told += 1
            assert reason.startswith(true), reason
            assert "typical" not in reason or reason.endswith(" among new users)")
    assert told > len(users) / 2


@pytest.mark.parametrize("known", [0, 60])
def test_too_few_new_users_to_learn_from_give_the_recency_rule_of_all(young, known):
    features, usage, labels = young
    labels = labels.copy()
    is_new = ~features["is_eligible"].to_numpy()
    at = features["as_of_date"].max() - pd.Timedelta(days=HORIZON)
    in_time = is_new & (features["as_of_date"] <= at).to_numpy()
    labels.loc[np.flatnonzero(in_time)[known:], "is_closed"] = False
    inputs, _, model = fitted((features, usage, labels))
    scores = churn.score_users(features, usage, labels, HORIZON)
    users = of_new_users(scores, features)
    words = f"recency_rule-.{{8}}: {known} labelled rows of new users, .* needs 200.*"
    assert users["model_version"].str.fullmatch(words).all()
    assert scores.loc[~scores["is_new_user"], "model_version"].str.match("log").all()
    bucket = baselines.recency_bucket(users["recency_days"].to_numpy())
    np.testing.assert_allclose(
        users["churn_probability"].to_numpy(dtype=float),
        model.new_users.recency_rates[bucket],
    )
    rows = churn.labelled_rows(inputs, newest_date(inputs), HORIZON)
    assert model.new_users.training_rows == len(rows)
    assert users["top_reason_2"].isna().all()
    assert users["top_reason_1"].dropna().str.match("last active .* ago").all()


def test_where_no_feature_of_new_users_varies_their_base_rate_scores(young):
    features, usage, labels = young
    given = features.assign(segments=None)
    is_new = ~given["is_eligible"]
    given.loc[is_new, ["tenure_days", "recency_days"]] = 0
    users = of_new_users(churn.score_users(given, usage, labels, HORIZON), given)
    rate = users["churn_probability"].unique()
    assert len(rate) == 1
    assert labels.loc[is_new, "is_churned"].mean() == pytest.approx(rate[0], abs=0.05)
    assert users["model_version"].str.match("base_rate-.*: no feature varies").all()


def test_new_users_have_the_risk_bands_of_all(young):
    features, usage, labels = young
    # Of the others nearly all stay, so that the limits differ by kind of user.
    elder = features["is_eligible"] & labels["is_closed"]
    elder &= np.random.default_rng(0).random(len(elder)) < 0.8
    labels = labels.copy()
    labels.loc[elder, "is_churned"] = False
    model = fitted((features, usage, labels))[-1]
    assert model.base_rate < model.new_users.base_rate / 2
    scores = churn.score_users(features, usage, labels, HORIZON)
    probability = scores["churn_probability"].to_numpy(dtype=float)
    bands = churn.risk_bands(probability, model.base_rate)
    assert scores["risk_band"].tolist() == bands.tolist()


def test_probabilities_recover_the_planted_truth():
    features, usage, labels = product(users=1500, seed=5)
    scores = churn.score_users(features, usage, labels, HORIZON).set_index("user_id")
    newest = features[features["as_of_date"] == features["as_of_date"].max()]
    newest = newest.set_index("user_id").loc[scores.index]
    truth = expit(log_odds_truth(newest))
    probability = scores["churn_probability"].to_numpy(dtype=float)
    assert abs(probability.mean() - truth.mean()) < 0.02
    assert np.abs(probability - truth).mean() < 0.04
    slope = np.polyfit(logit(probability), logit(truth), 1)[0]
    assert 0.9 < slope < 1.1


def drifting(per_week: float, from_week: int = 0, step: float = 0) -> tuple:
    """Inputs and model of a product whose log-odds of churn rise, and by how much."""
    features, usage, labels = product(users=600, dates=20)
    week = (features["as_of_date"] - features["as_of_date"].min()).dt.days // 7
    drift = per_week * week + np.where(week >= from_week, step, 0)
    truth = log_odds_truth(features) + drift.to_numpy()
    churned = np.random.default_rng(0).random(len(truth)) < expit(truth)
    known = labels["is_closed"].to_numpy()
    labels.loc[known, "is_churned"] = churned[known]
    inputs, at, model = fitted((features, usage, labels))
    newest = features[features["as_of_date"] == features["as_of_date"].max()]
    actual = pd.Series(expit(truth)[newest.index], index=newest["user_id"])
    return inputs, at, model, actual


def test_a_trend_in_churn_is_calibrated_for():
    inputs, at, model, truth = drifting(per_week=0.1)
    rows = np.flatnonzero(inputs.as_of_date == at)
    plain = churn.predict(model._replace(shift=0.0, slope=1.0), inputs, rows)
    calibrated = churn.predict(model, inputs, rows)
    assert model.shift > 0.3
    expected = truth[inputs.user_id[rows]].mean()
    assert abs(calibrated.mean() - expected) < abs(plain.mean() - expected) / 2


def test_what_is_remembered_was_learnt_from_the_same_rows_with_the_same_settings(
    frames, monkeypatch
):
    inputs, at, _ = fitted(frames)
    rows = churn.training_rows(inputs, at, HORIZON)
    other = churn.DEFAULTS._replace(inverse_penalty=0.2)
    asked = [(rows, churn.DEFAULTS), (rows[:-1], churn.DEFAULTS), (rows, other)]
    relabelled = inputs._replace(churned=1 - inputs.churned)
    anew = [candidates.learn(["logistic"], inputs, *of) for of in asked]
    times = []
    learn_weights = candidates.learn_weights

    def watched(*arguments):
        times.append(1)
        return learn_weights(*arguments)

    monkeypatch.setattr(candidates, "learn_weights", watched)
    with candidates.remembering():
        for _ in range(2):
            for of, expected in zip(asked, anew, strict=True):
                learnt = candidates.learn(["logistic"], inputs, *of)["logistic"]
                assert repr(learnt) == repr(expected["logistic"])
        assert len(times) == len(asked)
        opposite = candidates.learn(["logistic"], relabelled, *asked[0])["logistic"]
    assert len(times) == len(asked) + 1
    assert np.allclose(opposite.coefficients, -anew[0]["logistic"].coefficients)
    candidates.learn(["logistic"], inputs, *asked[0])
    assert len(times) == len(asked) + 2


def test_each_calibration_date_is_a_horizon_after_what_its_model_saw(
    frames, monkeypatch
):
    inputs, at, _ = fitted(frames)
    seen = []
    learn = calibration.learn

    def watched(kinds, given, rows, settings):
        seen.append(given.as_of_date[rows].max())
        return learn(kinds, given, rows, settings)

    monkeypatch.setattr(calibration, "learn", watched)
    rows = churn.training_rows(inputs, at, HORIZON)
    calibration.calibrate(["logistic"], inputs, rows, HORIZON, churn.DEFAULTS)
    newest = inputs.as_of_date[rows].max()
    horizon = np.timedelta64(HORIZON, "D")
    assert seen == [newest - 2 * horizon, newest - horizon]


def test_a_calibration_that_a_later_date_contradicts_is_dropped():
    # A step that the earlier check date sees whole, the later one's model half knows.
    _, _, model, _ = drifting(per_week=0, from_week=8, step=1.5)
    assert (model.shift, model.slope) == (0.0, 1.0)


def test_a_calibration_of_what_is_calibrated_is_close_to_none():
    _, _, model, _ = drifting(per_week=0)
    assert abs(model.shift) < 0.3
    assert abs(model.slope - 1) < 0.3


def test_the_sigmoid_is_the_identity_on_calibrated_scores_and_survives_separation():
    draw = np.random.default_rng(3)
    log_odds = draw.normal(-1, 1.5, 20_000)
    churned = (draw.random(20_000) < expit(log_odds)).astype(float)
    shift, slope = calibration.fit_sigmoid(log_odds, churned)
    assert abs(shift) < 0.05
    assert abs(slope - 1) < 0.05
    shift, slope = calibration.fit_sigmoid(2 * log_odds + 1, churned)
    assert abs(shift + 0.5) < 0.05
    assert abs(slope - 0.5) < 0.05
    assert np.isfinite(
        calibration.fit_sigmoid(np.array([-1.0, 1]), np.array([0.0, 1]))
    ).all()


def family_sums(model, inputs, rows) -> np.ndarray:
    matrix = design_matrix(model.columns, inputs, rows)
    families = reasons.families(model.columns).values()
    return candidates.effects(model, matrix, list(families))


def test_reasons_add_up_to_the_log_odds(frames):
    inputs, at, model = fitted(frames)
    rows = np.flatnonzero(inputs.as_of_date == at)
    families = family_sums(model, inputs, rows)
    assert families.shape == (len(rows), len(reasons.families(model.columns)))
    log_odds = model.intercept + families.sum(axis=1)
    probability = churn.predict(model, inputs, rows)
    calibrated = (logit(probability) - model.shift) / model.slope
    np.testing.assert_allclose(calibrated, log_odds, atol=1e-9)
    # Contributions are measured from the mean training row, which has none.
    trained = churn.training_rows(inputs, at, HORIZON)
    mean = contributions(model, inputs, trained).mean(axis=0)
    np.testing.assert_allclose(mean, 0, atol=1e-9)


@pytest.mark.parametrize("kind", churn.LEARNED)
def test_only_what_raises_the_risk_is_a_reason(frames, kind):
    inputs, at, model = fitted(frames, kind)
    assert model.kind == kind
    rows = np.flatnonzero(inputs.as_of_date == at)
    raising = (family_sums(model, inputs, rows) >= reasons.LEAST_CONTRIBUTION).sum(1)
    scores = churn.score_users(*frames, HORIZON, kind=kind)
    told = scores[["top_reason_1", "top_reason_2", "top_reason_3"]]
    assert (told.notna().sum(axis=1) <= raising).all()
    assert told["top_reason_1"].notna().mean() > 0.4
    # NULL only after the last reason, and none is said twice.
    assert not (told["top_reason_1"].isna() & told["top_reason_2"].notna()).any()
    assert not (told["top_reason_1"] == told["top_reason_2"]).any()


def test_an_effect_is_what_typical_values_would_change(frames):
    inputs, at, trees = fitted(frames, "boosted_trees")
    rows = np.flatnonzero(inputs.as_of_date == at)
    matrix = design_matrix(trees.columns, inputs, rows)
    everything = [list(range(len(trees.columns)))]
    now = candidates.log_odds(trees, matrix)
    typical = candidates.log_odds(trees, np.zeros_like(matrix[:1]))
    all_at_once = candidates.effects(trees, matrix, everything)[:, 0]
    np.testing.assert_allclose(all_at_once, now - typical, atol=1e-12)
    # The planted truth moves risk by recency more than by anything else.
    families = candidates.effects(
        trees, matrix, list(reasons.families(trees.columns).values())
    )
    spread = dict(zip(reasons.families(trees.columns), families.std(0), strict=True))
    assert max(spread, key=spread.get) == "recency"


def test_only_a_segment_that_the_user_has_is_a_reason(frames):
    inputs, at, model = fitted(frames)
    rows = np.flatnonzero(inputs.as_of_date == at)
    # Whoever is not on team has a higher risk, but 'plan is team' would be wrong.
    weights = {"segment plan=free": 0.3, "segment plan=team": -3.0}
    coefficients = np.array([weights.get(c.name, 0.0) for c in model.columns])
    model = model._replace(coefficients=coefficients)
    told = reasons.top_reasons(model, model.columns, inputs, rows)
    for plan, words in (("free", ["plan is free"]), ("plus", []), ("team", [])):
        on_plan = told[inputs.segments["plan"][rows] == plan]
        assert {word for word in on_plan.ravel() if word} == set(words)


def test_a_user_long_away_is_told_so_first(frames):
    features, usage, labels = frames
    newest = features["as_of_date"] == features["as_of_date"].max()
    away = features[newest].index[0]
    typical = features.loc[newest, "recency_days"].median()
    features = features.copy()
    features.loc[away, ["recency_days", "recency_over_mean_gap"]] = [27, 1.0]
    scores = churn.score_users(features, usage, labels, HORIZON)
    user = scores[scores["user_id"] == features.loc[away, "user_id"]].iloc[0]
    words = [user[f"top_reason_{place}"] for place in (1, 2, 3)]
    assert f"last active 27 days ago (typical: {typical:g})" in words


def test_values_read_like_english():
    assert reasons.show(1, "day") == "1 day"
    assert reasons.show(12.4, "day") == "12 days"
    assert reasons.show(2.5, "day") == "2.5 days"
    assert reasons.show(0.4, "ratio") == "0.4 times"
    assert reasons.show(0.353, "share") == "35 %"
    assert reasons.show(0, "flag") == "not yet"
    assert reasons.show(4, "kind of event") == "4 kinds of event"
    assert reasons.show(7200, "second") == "2 hours"
    assert reasons.show(5, "second") == "under a minute"


def test_a_segment_level_that_training_did_not_know_is_neutral(frames):
    features, usage, labels = frames
    inputs, at, model = fitted(frames)
    newest = features["as_of_date"] == features["as_of_date"].max()
    unseen = features.copy()
    unseen.loc[newest, "segments"] = '{"plan": "enterprise", "region": "north"}'
    inputs = prepare(unseen, usage, labels)
    rows = np.flatnonzero(inputs.as_of_date == at)
    parts = contributions(model, inputs, rows)
    plan = [i for i, column in enumerate(model.columns) if column.source == "plan"]
    assert len(plan) == 3
    assert (parts[:, plan] == 0).all()
    scores = churn.score_users(unseen, usage, labels, HORIZON)
    assert scores["churn_probability"].notna().all()
    assert not scores["top_reason_1"].str.contains("enterprise").any()


def test_an_event_or_segment_absent_at_scoring_is_allowed(frames):
    features, usage, labels = frames
    newest = features["as_of_date"].max()
    features = features.copy()
    features.loc[features["as_of_date"] == newest, "segments"] = None
    usage = usage[usage["as_of_date"] < newest]
    scores = churn.score_users(features, usage, labels, HORIZON)
    assert scores["churn_probability"].notna().all()


@pytest.mark.parametrize("column", NAMES)
def test_a_column_that_is_null_or_constant_is_left_out(frames, column):
    features, usage, labels = frames
    for value in (None, True if column == "is_activated" else 3):
        given = features.astype({column: object})
        given[column] = value
        scores = churn.score_users(given, usage, labels, HORIZON)
        assert scores["churn_probability"].notna().all()
        assert scores["model_version"].str.startswith("logistic").all()


def test_where_no_feature_varies_the_base_rate_scores(frames):
    features, usage, labels = frames
    given = features.astype(dict.fromkeys(NAMES, object))
    given[list(NAMES)] = None
    given["segments"] = None
    scores = churn.score_users(given, usage.iloc[:0], labels, HORIZON)
    assert scores["churn_probability"].nunique() == 1
    assert (scores["risk_band"] == "medium").all()
    assert (
        scores["model_version"].str.fullmatch("base_rate-.{8}: no feature varies").all()
    )


def test_empty_frames_give_an_empty_typed_frame(frames):
    scores = churn.score_users(*(frame.iloc[:0] for frame in frames), HORIZON)
    assert scores.empty
    assert scores.dtypes.astype(str).to_dict() == churn.SCORE_TYPES
    untyped = [pd.DataFrame(columns=frame.columns) for frame in frames]
    assert churn.score_users(*untyped, HORIZON).empty


def test_one_row_without_a_label_is_unknown(frames):
    features, usage, labels = frames
    scores = churn.score_users(features.iloc[:1], usage, labels.iloc[:0], HORIZON)
    user = scores.iloc[0]
    assert user["churn_probability"] is pd.NA
    assert user["risk_decile"] is pd.NA
    assert user["risk_band"] == "unknown"
    assert user["model_version"] == "none: no closed label"
    assert holds_only_nulls(scores)


def test_open_labels_are_no_labels(frames):
    features, usage, labels = frames
    scores = churn.score_users(features, usage, labels.assign(is_closed=False), HORIZON)
    assert (scores["model_version"] == "none: no closed label").all()
    young = features.assign(is_eligible=False)
    scores = churn.score_users(young, usage, labels, HORIZON)
    assert (
        scores["model_version"] == "none: no closed label of an eligible user"
    ).all()


@pytest.mark.parametrize(("outcome", "words"), [(True, "churned"), (False, "stayed")])
def test_one_class_gives_the_base_rate(frames, outcome, words):
    features, usage, labels = frames
    labels = labels.assign(is_churned=outcome)
    scores = churn.score_users(features, usage, labels, HORIZON)
    assert scores["churn_probability"].nunique() == 1
    assert scores["churn_probability"].between(0, 1, inclusive="neither").all()
    assert scores["top_reason_1"].isna().all()
    assert scores["model_version"].str.endswith(f"labelled rows {words}").all()


def test_too_few_rows_give_the_recency_rule():
    frames = product(users=20, dates=8)
    scores = churn.score_users(*frames, HORIZON)
    assert scores["model_version"].str.match("recency_rule-.{8}: .* needs 200").all()
    assert scores["churn_probability"].nunique() > 2
    assert scores["top_reason_2"].isna().all()
    told = scores["top_reason_1"].dropna()
    assert told.str.match("last active .* ago").all()


def test_the_recency_rule_is_the_share_per_bucket_shrunk_to_the_base():
    recency = np.array([0.0] * 60 + [12.0] * 40)
    churned = np.r_[np.zeros(60), np.ones(40)]
    rates = baselines.recency_rates(recency, churned)
    base = 41 / 102
    assert rates[0] == pytest.approx(20 * base / 80)
    assert rates[baselines.recency_bucket(np.array([13.0]))[0]] == pytest.approx(
        (40 + 20 * base) / 60
    )
    assert rates[-1] == pytest.approx(base)


@pytest.mark.parametrize("users", [1, 3, 9, 10, 11, 40, 101])
def test_deciles_hold_ten_parts_and_the_highest_is_ten(users):
    probability = np.linspace(0.1, 0.9, users)
    deciles = churn.risk_deciles(probability).to_numpy(dtype=int)
    assert deciles[-1] == 10
    assert (np.diff(deciles) >= 0).all()
    assert deciles.min() >= 1
    sizes = np.bincount(deciles, minlength=11)[1:]
    assert sizes.max() - sizes.min() <= 1


def test_ties_are_put_into_deciles_by_their_order():
    deciles = churn.risk_deciles(np.full(20, 0.3)).to_numpy(dtype=int)
    assert deciles.tolist() == [10 - i // 2 for i in range(20)]
    assert churn.risk_deciles(np.full(3, np.nan)).isna().all()


def test_bands_are_odds_against_the_base_rate():
    # Odds of 0.2 are 1 : 4, so twice is 1 : 2 and half is 1 : 8.
    probability = np.array([1 / 3 + 1e-9, 0.3, 0.2, 0.12, 1 / 9 - 1e-9])
    bands = churn.risk_bands(probability, 0.2)
    assert bands.tolist() == ["high", "medium", "medium", "medium", "low"]


def test_the_logistic_of_recency_frequency_and_volume_uses_nothing_else(frames):
    _, _, model = fitted(frames, "rfm_logistic")
    assert {column.name for column in model.columns} == set(candidates.RFM_FEATURES)
    assert model.trees is None
    features, usage, labels = frames
    scores = churn.score_users(*frames, HORIZON, kind="rfm_logistic")
    others = [name for name in NAMES if name not in candidates.RFM_FEATURES]
    scrambled = features.copy()
    newest = features["as_of_date"] == features["as_of_date"].max()
    scrambled.loc[newest, others] = features.loc[newest, others].to_numpy()[::-1]
    again = churn.score_users(scrambled, usage, labels, HORIZON, kind="rfm_logistic")
    columns = ["user_id", "churn_probability"]
    pd.testing.assert_frame_equal(again[columns], scores[columns], check_exact=True)


@pytest.mark.parametrize("kind", churn.KINDS)
def test_each_kind_scores_under_its_own_name_and_new_users_under_theirs(young, kind):
    scores = churn.score_users(*young, HORIZON, kind=kind)
    is_new = scores["is_new_user"]
    assert scores.loc[~is_new, "model_version"].str.match(kind + "-").all()
    assert scores.loc[is_new, "model_version"].str.match("logistic-").all()
    assert holds_only_nulls(scores)
    again = churn.score_users(*(shuffled(frame) for frame in young), HORIZON, kind=kind)
    pd.testing.assert_frame_equal(again, scores, check_exact=True)


def test_all_kinds_at_once_are_what_each_is_alone(young):
    inputs = prepare(*young)
    at = newest_date(inputs)
    rows = np.flatnonzero(inputs.as_of_date == at)
    together = churn.fit_kinds(inputs, at, HORIZON)
    assert list(together) == list(churn.KINDS)
    for kind, model in together.items():
        alone = churn.fit(inputs, at, HORIZON, kind=kind)
        assert model.version == alone.version
        np.testing.assert_array_equal(
            churn.predict(model, inputs, rows), churn.predict(alone, inputs, rows)
        )


def test_scoring_in_parts_gives_what_scoring_at_once_gives(young):
    features, usage, labels = young
    newest = features["as_of_date"].max()
    at = np.datetime64(newest, "D")
    is_history = features["as_of_date"] < newest
    model = churn.train(features[is_history], usage, labels, at, HORIZON)
    to_score = features[~is_history]
    part = to_score["user_id"].str[-1].astype(int)
    scored = [churn.score(model, to_score[part == digit], usage) for digit in range(10)]
    pd.testing.assert_frame_equal(
        churn.ranked(scored[::-1]),
        churn.score_users(features, usage, labels, HORIZON),
        check_exact=True,
    )


def test_a_kind_that_does_not_exist_is_refused(frames):
    with pytest.raises(ValueError, match="kind: given 'forest', allowed are: base_ra"):
        churn.score_users(*frames, HORIZON, kind="forest")


def test_where_recency_does_not_vary_its_rule_is_the_base_rate():
    features, usage, labels = product(users=20, dates=8)
    given = features.assign(recency_days=3)
    scores = churn.score_users(given, usage, labels, HORIZON)
    words = "base_rate-.{8}: .* needs 200.*: recency does not vary"
    assert scores["model_version"].str.fullmatch(words).all()
