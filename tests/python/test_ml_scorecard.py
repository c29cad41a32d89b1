"""SQL over a scorecard gives what the model gives, whatever it is asked about."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from test_ml_inputs import HORIZON, Frames, holds_only_nulls, joining, product

from ml import churn, scorecard
from ml.features import NAMES, newest_date, prepare
from tests.conformance.render import render

RELATIONS = {"features": "features", "usage": "usage", "scorecard": "terms"}
SEGMENTS = {"segments": ["plan", "platform", "region"]}


@pytest.fixture(scope="module")
def scores_sql() -> str:
    return render([("scorecard_scores", RELATIONS)], SEGMENTS)[0]


@pytest.fixture(scope="module")
def young() -> Frames:
    features, usage, labels = joining(users=500)
    # Three regions, of which two are too rare to be levels of their own.
    user = features["user_id"].str[1:].astype(int)
    region = np.select([user == 7, user == 8], ["north", "south"], "west")
    features["segments"] = [
        text[:-1] + f', "region": "{name}"}}'
        for text, name in zip(features["segments"], region, strict=True)
    ]
    return features, usage, labels


def fitted(frames: Frames, kind: str, settings=churn.DEFAULTS) -> churn.Model:
    inputs = prepare(*frames)
    return churn.fit(inputs, newest_date(inputs), HORIZON, settings, kind)


def awkward(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest rows, with NULLs, zeros, unseen levels, and events and users of none."""
    features, usage, _ = frames
    newest = features["as_of_date"].max()
    features = features[features["as_of_date"] == newest].reset_index(drop=True)
    usage = usage[usage["as_of_date"] == newest]
    features = features.astype(dict.fromkeys(NAMES, object))
    draw = np.random.default_rng(11)
    for name in NAMES:
        features.loc[draw.random(len(features)) < 0.1, name] = None
    features.loc[draw.random(len(features)) < 0.1, "activity_trend"] = 0
    levels = ['{"plan": "enterprise", "region": "east"}', '{"region": null}', None]
    for place, text in enumerate([*levels, '{"plan": "(rare)", "region": "(rare)"}']):
        features.loc[features.index % 9 == place, "segments"] = text
    usage = usage[usage["user_id"].str[-1] != "3"]
    other = usage.drop_duplicates("user_id").iloc[:5].assign(event_name="event_unseen")
    other = pd.concat([usage, other], ignore_index=True)
    numbers = {n: "boolean" if n == "is_activated" else "Float64" for n in NAMES}
    return features.astype(numbers), other


def scored_by_sql(sql: str, model, features, usage) -> pd.DataFrame:
    with duckdb.connect() as connection:
        connection.register("features", features)
        connection.register("usage", usage)
        connection.register("terms", scorecard.scorecard(model))
        found = connection.execute(sql).df()
    assert not found.duplicated(["user_id", "as_of_date"]).any()
    assert len(found) == len(features)
    return found.set_index("user_id").loc[features["user_id"]]


@pytest.mark.parametrize(
    "kind", ["base_rate", "recency_rule", "rfm_logistic", "logistic"]
)
@pytest.mark.parametrize("rows", ["plain", "awkward"])
def test_sql_gives_the_probabilities_of_the_model(young, scores_sql, kind, rows):
    model = fitted(young, kind)
    assert model.kind == kind
    assert model.new_users.kind == "logistic"
    features, usage = awkward(young)
    if rows == "plain":
        features, usage, _ = young
        features = features[features["as_of_date"] == features["as_of_date"].max()]
    found = scored_by_sql(scores_sql, model, features, usage)
    inputs = prepare(features, usage)
    expected = churn.predict(model, inputs, np.arange(len(features)))
    by_user = pd.Series(expected, index=inputs.user_id).loc[found.index]
    np.testing.assert_allclose(found["churn_probability"], by_user, rtol=0, atol=1e-9)
    versions = {model.version, model.new_users.version}
    assert set(found["model_version"]) == versions


def test_a_calibrated_model_is_reproduced_too(young, scores_sql):
    model = fitted(young, "logistic")._replace(shift=0.4, slope=1.3)
    features, usage = awkward(young)
    found = scored_by_sql(scores_sql, model, features, usage)
    inputs = prepare(features, usage)
    expected = churn.predict(model, inputs, np.arange(len(features)))
    by_user = pd.Series(expected, index=inputs.user_id).loc[found.index]
    np.testing.assert_allclose(found["churn_probability"], by_user, rtol=0, atol=1e-9)


def test_extreme_log_odds_are_kept_from_0_and_1(young, scores_sql):
    model = fitted(young, "logistic")
    model = model._replace(coefficients=model.coefficients * 1e4)
    features, usage = awkward(young)
    found = scored_by_sql(scores_sql, model, features, usage)
    eligible = found["churn_probability"][features["is_eligible"].to_numpy()]
    assert eligible.min() == pytest.approx(1e-6)
    assert eligible.max() == pytest.approx(1 - 1e-6)


def test_boosted_trees_say_that_they_are_no_scorecard(young, scores_sql):
    model = fitted(young, "boosted_trees")
    terms = scorecard.scorecard(model)
    eligible = terms[terms["population"] == "eligible"]
    assert eligible[["term", "kind"]].values.tolist() == [
        ["boosted_trees", "no scorecard"]
    ]
    features, usage = awkward(young)
    found = scored_by_sql(scores_sql, model, features, usage)
    is_eligible = features["is_eligible"].to_numpy()
    assert found["churn_probability"][is_eligible].isna().all()
    assert found["churn_probability"][~is_eligible].notna().all()


def test_pooled_and_known_levels_are_both_among_the_terms(young):
    terms = scorecard.scorecard(fitted(young, "logistic"))
    regions = terms[(terms["source"] == "region") & (terms["population"] == "eligible")]
    assert set(regions["level"]) == {"west", "(rare)"}
    plans = terms[(terms["source"] == "plan") & (terms["population"] == "eligible")]
    assert set(plans["level"]) == {"free", "plus", "team"}
    assert not terms.duplicated(["population", "term"]).any()
    assert holds_only_nulls(terms)


def test_a_model_that_knows_nothing_has_no_terms(young, scores_sql):
    features, usage, labels = young
    model = fitted((features, usage, labels.assign(is_closed=False)), "logistic")
    assert model.kind == "none"
    terms = scorecard.scorecard(model)
    assert terms.empty
    assert terms.dtypes.astype(str).to_dict() == scorecard.TERM_TYPES
    assert scorecard.scorecard(None).empty
    found = scored_by_sql(scores_sql, model, *awkward(young))
    assert found["churn_probability"].isna().all()


def test_too_few_rows_give_the_scorecard_of_the_rule(scores_sql):
    frames = product(users=20, dates=8)
    model = fitted(frames, "logistic")
    assert model.kind == "recency_rule"
    features, usage, _ = frames
    found = scored_by_sql(scores_sql, model, features, usage)
    inputs = prepare(features, usage)
    keys = [inputs.user_id, pd.to_datetime(inputs.as_of_date)]
    expected = pd.Series(churn.predict(model, inputs, np.arange(len(features))), keys)
    found = found.reset_index().set_index(["user_id", "as_of_date"])
    expected = expected.loc[found.index]
    np.testing.assert_allclose(found["churn_probability"], expected, rtol=0, atol=1e-9)


def test_the_sums_do_not_depend_on_the_order_of_rows(young, scores_sql):
    model = fitted(young, "logistic")
    features, usage = awkward(young)
    once = scored_by_sql(scores_sql, model, features, usage)
    backwards = scored_by_sql(
        scores_sql, model, features, usage.sample(frac=1, random_state=0)
    )
    pd.testing.assert_frame_equal(once, backwards, check_exact=True)
