"""Behaviour segments: the planted ones are found, and none where there are none."""

import numpy as np
import pandas as pd
import pytest
from test_ml_inputs import holds_only_nulls, product, shuffled

from ml import segments

NEWEST = "2026-05-03"


def counted(counts: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """features and usage of one date, from counts (users, events)."""
    user_id = np.char.mod("u%04d", np.arange(len(counts)))
    row, event = np.nonzero(counts)
    features = pd.DataFrame({"user_id": user_id, "as_of_date": NEWEST})
    usage = pd.DataFrame(
        {
            "user_id": user_id[row],
            "as_of_date": NEWEST,
            "event_name": np.char.mod("event_%02d", event),
            "events_28": counts[row, event],
        }
    )
    return features, usage


def personas(users: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Counts of three planted mixes at log-normal volume, and who has which."""
    draw = np.random.default_rng(seed)
    mixes = np.full((3, 9), 1.0)
    mixes[[0, 0, 1, 1, 2, 2], [0, 1, 3, 4, 6, 7]] = 9
    mixes /= mixes.sum(axis=1, keepdims=True)
    persona = draw.choice(3, users, p=[0.5, 0.3, 0.2])
    volume = (12 + draw.lognormal(3, 1, users)).astype(int)
    counts = [
        draw.multinomial(n, mixes[p]) for n, p in zip(volume, persona, strict=True)
    ]
    return np.array(counts), persona


def test_planted_mixes_are_found_whatever_the_volume():
    counts, persona = personas(600)
    found = segments.assign(*counted(counts))
    table = pd.crosstab(persona, found["behavior_segment"].to_numpy())
    assert table.shape == (3, 3)
    assert table.max(axis=1).sum() / len(persona) > 0.95
    pairs = [{"event_00", "event_01"}, {"event_03", "event_04"}]
    pairs += [{"event_06", "event_07"}]
    for name in table.columns:
        assert set(name.removeprefix("More ").split(", ")) in pairs
    assert (found["segment_stability"] > 0.9).all()


def test_one_mix_for_all_is_no_structure():
    draw = np.random.default_rng(0)
    counts = draw.multinomial(60, np.arange(1, 9) / 36, size=400)
    found = segments.assign(*counted(counts))
    assert (found["behavior_segment"] == segments.NO_STRUCTURE).all()
    assert found["segment_stability"].isna().all()
    assert holds_only_nulls(found)


def test_users_under_min_events_are_not_clustered():
    counts, _ = personas(300)
    counts[:20] = 0
    counts[:10, 0] = 9
    features, usage = counted(counts)
    found = segments.assign(features, usage, min_events=10)
    assert len(found) == 300
    assert (found["behavior_segment"][:20] == segments.TOO_FEW).all()
    assert (found["behavior_segment"][20:] != segments.TOO_FEW).all()


def test_the_order_of_rows_changes_nothing():
    features, usage = counted(personas(300)[0])
    expected = segments.assign(features, usage)
    again = segments.assign(shuffled(features), shuffled(usage))
    pd.testing.assert_frame_equal(again, expected, check_exact=True)


def test_only_the_newest_date_is_segmented():
    features, usage, _ = product(users=150, dates=3)
    found = segments.assign(features, usage)
    assert set(found["as_of_date"]) == {features["as_of_date"].max()}
    assert found["user_id"].is_unique
    assert len(found) == 150


@pytest.mark.parametrize("users", [0, 1, 2, 5])
def test_few_users_or_one_event_are_no_structure(users):
    counts = np.full((users, 1), 50)
    found = segments.assign(*counted(counts))
    assert len(found) == users
    assert (found["behavior_segment"] == segments.NO_STRUCTURE).all()
    assert found.dtypes.astype(str).to_dict() == segments.SEGMENT_TYPES
    several = segments.assign(*counted(np.eye(users, dtype=int) * 40 + 1))
    assert len(several) == users


def test_users_without_any_usage_have_too_few_events():
    features, usage = counted(np.full((4, 2), 20))
    found = segments.assign(features, usage.iloc[:0])
    assert (found["behavior_segment"] == segments.TOO_FEW).all()


def test_rare_events_are_pooled_and_never_a_name():
    counts, _ = personas(400)
    draw = np.random.default_rng(0)
    many = np.hstack([counts, 2 * draw.binomial(1, 0.005, (400, 60))])
    found = segments.assign(*counted(many))
    assert not found["behavior_segment"].str.contains(segments.REST, regex=False).any()
    assert found["behavior_segment"].nunique() == 3


def test_what_nearly_all_do_once_is_no_behaviour():
    draw = np.random.default_rng(0)
    alike = draw.multinomial(30, np.arange(1, 9) / 36, size=400)
    once = np.zeros((400, 3), dtype=int)
    once[:200] = 1
    # Five in a hundred may do it again.
    once[:10, 0] = 2
    found = segments.assign(*counted(np.hstack([once, alike])))
    assert (found["behavior_segment"] == segments.NO_STRUCTURE).all()
    # Without the rule these users would be clusters of who signed up when.
    once[:40, 0] = 2
    counts, events = segments._without_once_only(np.hstack([once, alike]), [*range(11)])
    assert counts.shape == (400, 9)
    assert events == [0, *range(3, 11)]


def test_events_done_once_do_not_count_towards_min_events():
    counts, _ = personas(300)
    counts = np.hstack([counts, np.ones((300, 3), dtype=int)])
    counts[0, :9] = 0
    counts[0, 0] = 9
    found = segments.assign(*counted(counts), min_events=10)
    assert found["behavior_segment"][0] == segments.TOO_FEW
    nothing = segments.assign(*counted(np.eye(60, dtype=int)))
    assert (nothing["behavior_segment"] == segments.TOO_FEW).all()


def test_names_tell_clusters_apart():
    counts = np.array([[9, 9, 1, 0], [9, 9, 0, 1], [1, 1, 9, 9]] * 5)
    names = segments.segment_names(counts, np.arange(15) % 3, list("abcd"))
    assert len(set(names)) == 3
    assert names[2] == "More c, d"


def test_a_large_cluster_is_named_against_the_others_not_against_itself():
    counts = np.array([[10, 6]] * 9 + [[0, 16]])
    names = segments.segment_names(counts, np.array([0] * 9 + [1]), ["open", "visit"])
    assert names == ["More open", "More visit"]
    alike = segments.segment_names(np.full((4, 2), 5), np.arange(4) % 2, ["a", "b"])
    assert alike == ["Average mix", "Average mix (2)"]
