"""The simplest candidate that is not clearly worse is shipped, and the reason says so."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from test_ml_inputs import HORIZON, holds_only_nulls, product, shuffled

from ml import choice, churn, evaluate
from ml.candidates import KINDS

TRUTH = KINDS[-1]


def predictions(noise: dict[str, float], users: int = 600, seed: int = 0):
    """Three selection dates and a test date; by how much each candidate is off."""
    draw = np.random.default_rng(seed)
    rows = users * 3
    truth = expit(draw.normal(-1, 1.5, rows))
    frame = pd.DataFrame(
        {
            "split": "selection",
            "user_id": np.tile([f"u{i:04}" for i in range(users)], 3),
            "as_of_date": np.repeat(pd.date_range("2026-01-04", periods=3), users),
            "is_new_user": False,
            "is_churned": draw.random(rows) < truth,
        }
    )
    for kind in KINDS:
        off = noise.get(kind, 0.0) * draw.normal(0, 1, rows)
        frame[kind] = expit(logit(truth) + off)
    test = frame.assign(split="test", is_churned=~frame["is_churned"])
    return pd.concat([frame, test], ignore_index=True)


def chosen(frame: pd.DataFrame, **arguments) -> tuple[str, pd.DataFrame]:
    made = choice.choose(frame, **arguments)
    assert list(made["model"]) == list(KINDS)
    assert made["is_champion"].sum() == 1
    assert holds_only_nulls(made)
    return choice.champion(made), made.set_index("model")


def test_of_equals_the_simplest_is_shipped():
    champion, made = chosen(predictions({}))
    assert champion == "base_rate"
    assert (made["difference_to_best"] == 0).all()
    assert (made["difference_ci_low"] == 0).all()


def test_what_is_clearly_worse_is_not_shipped_however_simple():
    noise = {"base_rate": 2.0, "recency_rule": 1.5}
    champion, made = chosen(predictions(noise))
    assert champion == "rfm_logistic"
    assert (made.loc[["base_rate", "recency_rule"], "difference_ci_low"] > 0).all()
    words = "Not shipped: a log loss .* above .*'s is more than chance[.]"
    assert made.loc[["base_rate", "recency_rule"], "reason"].str.fullmatch(words).all()


def test_what_is_slightly_worse_is_shipped_where_it_is_simpler():
    noise = dict.fromkeys(KINDS[:3], 2.0) | {"logistic": 0.1}
    champion, made = chosen(predictions(noise))
    assert champion == "logistic"
    assert made["is_best"].idxmax() == TRUTH
    low, high = made.loc["logistic", ["difference_ci_low", "difference_ci_high"]]
    assert low <= 0 < high
    assert made.loc["logistic", "reason"].startswith("Shipped: a log loss")
    best = "Not shipped: the best, but not beyond chance, and logistic is simpler."
    assert made.loc[TRUTH, "reason"] == best


def test_the_best_is_shipped_where_all_simpler_ones_are_clearly_worse():
    champion, made = chosen(predictions(dict.fromkeys(KINDS[:-1], 2.0)))
    assert champion == TRUTH
    words = "Shipped: the best, and no simpler one is within its interval."
    assert made.loc[TRUTH, "reason"] == words


def test_the_log_loss_is_that_of_the_selection_dates():
    frame = predictions(dict.fromkeys(KINDS[:-1], 1.0))
    _, made = chosen(frame)
    rows = frame[frame["split"] == "selection"]
    p = np.where(rows["is_churned"], rows["logistic"], 1 - rows["logistic"])
    assert made.loc["logistic", "selection_log_loss"] == pytest.approx(
        -np.log(p).mean()
    )
    assert made["selection_rows"].eq(len(rows)).all()
    assert made["last_selection_date"].eq(pd.Timestamp("2026-01-06")).all()


def test_nothing_of_a_test_date_or_a_new_user_takes_part():
    frame = predictions(dict.fromkeys(KINDS[:-1], 2.0))
    expected = choice.choose(frame)
    apart = frame["split"].eq("test")
    frame.loc[apart, list(KINDS)] = 0.5
    new = frame[~apart].assign(is_new_user=True, logistic=0.5, user_id="new")
    new["as_of_date"] += pd.to_timedelta(np.arange(len(new)), unit="D")
    with_new = pd.concat([frame, new], ignore_index=True)
    pd.testing.assert_frame_equal(choice.choose(with_new), expected)


def test_repeating_a_users_rows_does_not_narrow_an_interval():
    once = predictions(dict.fromkeys(KINDS[:-1], 0.6), users=300)
    once = once[once["as_of_date"] == "2026-01-04"]
    repeated = pd.concat(
        [
            once.assign(as_of_date=date)
            for date in pd.date_range("2026-01-04", periods=5)
        ]
    )
    narrow, wide = (choice.choose(f)["difference_ci_high"] for f in (repeated, once))
    np.testing.assert_allclose(narrow.astype(float), wide.astype(float), rtol=1e-9)


def test_the_order_of_rows_changes_nothing():
    frame = predictions(dict.fromkeys(KINDS[:-1], 0.6))
    pd.testing.assert_frame_equal(
        choice.choose(shuffled(frame)), choice.choose(frame), check_exact=True
    )


def test_a_date_on_which_a_candidate_was_not_learnt_does_not_count():
    frame = predictions(dict.fromkeys(KINDS[:-1], 2.0))
    first = frame["as_of_date"] == "2026-01-04"
    frame.loc[first, ["logistic", TRUTH]] = np.nan
    _, made = chosen(frame)
    assert made["first_selection_date"].eq(pd.Timestamp("2026-01-05")).all()
    assert made["selection_rows"].eq(1200).all()


@pytest.mark.parametrize("kept", ["no row", "test rows", "unlearnt", "one user"])
def test_without_anything_to_choose_on_the_reason_says_so(kept):
    frame = predictions({})
    frame = {
        "no row": frame.iloc[:0],
        "test rows": frame[frame["split"] == "test"],
        "unlearnt": frame.assign(logistic=np.nan),
        "one user": frame[frame["user_id"] == "u0000"],
    }[kept]
    champion, made = chosen(frame)
    assert champion == "rfm_logistic"
    assert made["selection_log_loss"].isna().all()
    assert made["reason"].str.startswith("No date to choose on").all()


def test_selection_ends_a_horizon_before_the_first_test_date():
    predicted = evaluate.predict_later_dates(
        *product(dates=22), HORIZON, test_dates=2, selection_dates=2
    )
    dates = predicted.groupby("split")["as_of_date"].agg(["min", "max", "nunique"])
    assert dates["nunique"].eq(2).all()
    gap = dates.loc["test", "min"] - dates.loc["selection", "max"]
    assert gap == pd.Timedelta(days=HORIZON)


def test_the_planted_logistic_truth_ships_a_logistic_kind():
    predicted = evaluate.predict_later_dates(*product(users=800, dates=20), HORIZON)
    champion, made = chosen(predicted)
    assert champion in ("rfm_logistic", "logistic")
    assert (made.loc[["base_rate", "recency_rule"], "difference_ci_low"] > 0).all()
    assert set(churn.KINDS) == set(made.index)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="resamples: given 0"):
        choice.choose(predictions({}), resamples=0)
    with pytest.raises(ValueError, match="predictions: missing column 'logistic'"):
        choice.choose(predictions({}).drop(columns="logistic"))
