"""Behaviour segments: the planted ones are found, keep their ids, and none where none are.

What SQL makes of the centers is compared here with numpy on the seeds; its edges have
unit tests beside the models.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association, crosstab
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from test_ml_inputs import holds_only_nulls, shuffled

from ml import segments
from tests.builds import DbtRun, published_file, run_dbt

NEWEST = "2026-05-03"


def sampled(counts: np.ndarray, names: list[str] | None = None) -> pd.DataFrame:
    """The sample of one date, from counts (users, events)."""
    names = names or [f"event_{event:02d}" for event in range(counts.shape[1])]
    row, event = np.nonzero(counts)
    return pd.DataFrame(
        {
            "user_id": np.char.mod("u%04d", row),
            "as_of_date": NEWEST,
            "event_name": np.array(names, dtype=object)[event],
            "events_28": counts[row, event],
            "is_new": False,
        }
    )


def mixes_of(pairs: list[tuple[int, int]], events: int = 9) -> np.ndarray:
    """Shares of events by persona, each with two that it does nine times as often."""
    mixes = np.full((len(pairs), events), 1.0)
    for persona, pair in enumerate(pairs):
        mixes[persona, list(pair)] = 9
    return mixes / mixes.sum(axis=1, keepdims=True)


THREE = mixes_of([(0, 1), (3, 4), (6, 7)])


def personas(
    users: int,
    seed: int = 0,
    mixes: np.ndarray = THREE,
    shares: tuple[float, ...] = (0.5, 0.3, 0.2),
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of planted mixes at log-normal volume, and who has which."""
    draw = np.random.default_rng(seed)
    persona = draw.choice(len(mixes), users, p=shares)
    volume = (12 + draw.lognormal(3, 1, users)).astype(int)
    counts = [
        draw.multinomial(n, mixes[p]) for n, p in zip(volume, persona, strict=True)
    ]
    return np.array(counts), persona


def groups(found: pd.DataFrame) -> dict[int, str]:
    """Current segments by id, without everyone."""
    current = found[found["is_current"] & (found["behavior_segment_id"] > 0)]
    return dict(
        zip(current["behavior_segment_id"], current["behavior_segment"], strict=True)
    )


def nearest(
    usage: pd.DataFrame, centers: pd.DataFrame, smoothing: float = 10.0
) -> pd.Series:
    """Id of the nearest center of each user, by the definition and nothing clever."""
    centers = centers[centers["is_current"].astype(bool)]
    everyone = centers[centers["behavior_segment_id"] == 0]
    axis_of = dict(zip(everyone["event_name"], everyone["axis"], strict=True))
    prior = everyone.groupby("axis")["population_share"].first().astype(float)
    known = usage[usage["event_name"].isin(axis_of)]
    known = known.assign(
        axis=known["event_name"].map(axis_of),
        events_28=known["events_28"].astype(float),
    )
    counts = known.pivot_table("events_28", "user_id", "axis", "sum", fill_value=0.0)
    counts = counts.reindex(columns=prior.index, fill_value=0.0)
    total = counts.sum(axis=1)
    points = np.sqrt(
        (counts + smoothing * prior).div(total + smoothing, axis=0)
    ).to_numpy()
    clusters = centers[centers["behavior_segment_id"] > 0]
    table = clusters.pivot_table("center", "behavior_segment_id", "axis", "first")
    table = table[prior.index].astype(float)
    distance = ((points[:, None, :] - table.to_numpy()[None, :, :]) ** 2).sum(axis=2)
    return pd.Series(table.index.to_numpy()[distance.argmin(axis=1)], counts.index)


# Finding them


def test_planted_mixes_are_found_whatever_the_volume():
    counts, persona = personas(600)
    found = segments.find(sampled(counts))
    assert sorted(groups(found)) == [1, 2, 3]
    cluster = nearest(sampled(counts), found)
    assert adjusted_rand_score(persona, cluster) > 0.95
    # Ids are given by size, names by what is done more.
    assert {
        number: set(name[5:].split(", ")) for number, name in groups(found).items()
    } == {
        1: {"event_00", "event_01"},
        2: {"event_03", "event_04"},
        3: {"event_06", "event_07"},
    }
    assert (found["stability"].dropna() > 0.9).all()
    volume = counts.sum(axis=1)
    tier = pd.qcut(volume, 4, labels=False)
    assert association(crosstab(cluster, tier).count, method="cramer") < 0.1


def test_one_mix_for_all_is_no_structure():
    draw = np.random.default_rng(0)
    counts = draw.multinomial(60, np.arange(1, 9) / 36, size=400)
    found = segments.find(sampled(counts))
    assert groups(found) == {}
    assert set(found["behavior_segment"]) == {segments.EVERYONE}
    assert found["population_share"].sum() == pytest.approx(1)
    assert found["stability"].isna().all()
    assert holds_only_nulls(found)


@pytest.mark.parametrize("k", [3, 5])
def test_stability_that_cannot_be_reached_is_not_looked_at_to_the_end(k, monkeypatch):
    counts, _ = personas(200)
    points = segments.points_of(counts, segments.population_share(counts), 10.0)
    labels = KMeans(k, n_init=5, random_state=0).fit(points).labels_
    fits = []

    def counted(*arguments, **options):
        fits.append(1)
        return KMeans(*arguments, **options)

    monkeypatch.setattr(segments, "KMeans", counted)
    generators = [np.random.default_rng(0), np.random.default_rng(0)]
    least = segments.LEAST_JACCARD
    whole, cut = (
        segments.jaccard_stability(points, labels, k, 20, generator, *limit)
        for generator, limit in zip(generators, ([], [least]), strict=True)
    )
    assert (cut.min() < least) == (whole.min() < least) == (k == 5)
    # What is drawn afterwards is the same.
    assert generators[0].random() == generators[1].random()
    if k == 3:
        np.testing.assert_array_equal(whole, cut)
        assert len(fits) == 40
    else:
        assert (cut >= whole).all()
        assert len(fits) < 40


def test_more_or_less_of_the_same_is_no_structure():
    draw = np.random.default_rng(0)
    volume = draw.choice([15, 60, 240], 600)
    mix = np.arange(1, 9) / 36
    counts = np.array([draw.multinomial(n, mix) for n in volume])
    assert groups(segments.find(sampled(counts))) == {}


def test_users_under_min_events_are_not_sampled():
    counts, _ = personas(300)
    few = np.vstack([counts, np.full((40, 9), 1)])
    found = segments.find(sampled(few), min_events=10)
    alone = segments.find(sampled(counts), min_events=10)
    pd.testing.assert_frame_equal(found, alone, check_exact=True)


def test_new_users_make_no_cluster_but_count_in_everyones_share():
    counts, _ = personas(400)
    arrivals = np.tile([0] * 8 + [40], (100, 1))
    sample = sampled(np.vstack([counts, arrivals]))
    assert len(groups(segments.find(sample))) == 4
    sample["is_new"] = sample["user_id"] >= "u0400"
    found = segments.find(sample)
    assert len(groups(found)) == 3
    share = found.set_index(["behavior_segment_id", "event_name"])["population_share"]
    alone = segments.population_share(counts)[8]
    assert share[0, "event_08"] == pytest.approx(0.8 * alone + 0.2)
    # Where all are new there is nobody to find segments on, but everyone's share is known.
    launched = segments.find(sampled(counts).assign(is_new=True))
    assert groups(launched) == {}
    assert launched["population_share"].sum() == pytest.approx(1)


def test_the_order_of_rows_changes_nothing():
    sample = sampled(personas(300)[0])
    expected = segments.find(sample)
    again = segments.find(shuffled(sample))
    pd.testing.assert_frame_equal(again, expected, check_exact=True)


def test_a_sample_of_two_dates_is_refused():
    sample = sampled(personas(60)[0])
    both = pd.concat([sample, sample.assign(as_of_date="2026-04-05")])
    with pytest.raises(ValueError, match="several as_of_dates; allowed is one"):
        segments.find(both)


@pytest.mark.parametrize("users", [0, 1, 2, 5])
def test_few_users_or_one_event_are_no_structure(users):
    found = segments.find(sampled(np.full((users, 1), 50)))
    assert groups(found) == {}
    assert len(found) == min(users, 1)
    assert found.dtypes.astype(str).to_dict() == segments.CENTER_TYPES
    several = segments.find(sampled(np.eye(users, dtype=int) * 40 + 2))
    assert groups(several) == {}


def test_one_event_name_is_one_share_for_everyone():
    found = segments.find(sampled(np.arange(10, 210)[:, None]))
    [row] = found.to_dict("records")
    assert (row["center"], row["population_share"], row["sampled_users"]) == (1, 1, 200)


def test_users_all_alike_are_no_structure():
    assert groups(segments.find(sampled(np.full((300, 6), 5)))) == {}


def test_two_kinds_of_users_who_are_each_all_alike_are_two_segments():
    counts = np.vstack([np.tile([9, 1, 5], (120, 1)), np.tile([1, 9, 5], (80, 1))])
    found = segments.find(sampled(counts, ["cook", "plan", "open"]))
    assert groups(found) == {1: "More cook", 2: "More plan"}
    assert (found["stability"].dropna() == 1).all()


def test_rare_events_share_an_axis_and_are_never_a_name():
    counts, _ = personas(400)
    draw = np.random.default_rng(0)
    many = np.hstack([counts, 2 * draw.binomial(1, 0.005, (400, 60))])
    found = segments.find(sampled(many))
    assert not found["behavior_segment"].str.contains(segments.REST, regex=False).any()
    assert len(groups(found)) == 3
    everyone = found[found["behavior_segment_id"] == 0]
    assert everyone["axis"].nunique() == segments.MOST_EVENTS + 1
    shares = everyone.groupby("axis")["population_share"].agg(["min", "max"])
    assert (shares["min"] == shares["max"]).all()
    assert shares["min"].sum() == pytest.approx(1)


def test_what_nearly_all_do_once_is_no_behaviour():
    draw = np.random.default_rng(0)
    alike = draw.multinomial(30, np.arange(1, 9) / 36, size=400)
    once = np.zeros((400, 3), dtype=int)
    once[:200] = 1
    # Five in a hundred may do it again.
    once[:10, 0] = 2
    found = segments.find(sampled(np.hstack([once, alike])))
    assert groups(found) == {}
    assert {*found["event_name"]} == {f"event_{event:02d}" for event in range(3, 11)}
    # Without the rule these users would be clusters of who signed up when.
    once[:40, 0] = 2
    found = segments.find(sampled(np.hstack([once, alike])))
    assert "event_00" in {*found["event_name"]}


def test_events_done_once_do_not_count_towards_min_events():
    nothing = segments.find(sampled(np.eye(60, dtype=int)), min_events=1)
    assert len(nothing) == 0


# Names


def test_names_tell_clusters_apart():
    counts = np.array([[9, 9, 1, 0], [9, 9, 0, 1], [1, 1, 9, 9]] * 5)
    more = segments.more_than_others(counts, np.arange(15) % 3, list("abcd"))
    names: list[str] = []
    for number, words in enumerate(more, start=1):
        names.append(segments._new_name(words, number, names))
    assert len(set(names)) == 3
    assert names[2] == "More c, d"


def test_a_large_cluster_is_named_against_the_others_not_against_itself():
    counts = np.array([[10, 6]] * 9 + [[0, 16]])
    cluster = np.array([0] * 9 + [1])
    more = segments.more_than_others(counts, cluster, ["open", "visit"])
    assert more == [["open"], ["visit"]]
    alike = segments.more_than_others(np.full((4, 2), 5), np.arange(4) % 2, ["a", "b"])
    assert alike == [[], []]
    assert segments._new_name([], 1, []) == "Average mix"
    assert segments._new_name([], 2, ["Average mix"]) == "Average mix (2)"


# Ids from run to run


def test_the_same_input_again_gives_the_same_table():
    sample = sampled(personas(400)[0])
    first = segments.find(sample)
    again = segments.find(sample, previous=first)
    pd.testing.assert_frame_equal(again, first, check_exact=True)


def test_groups_keep_ids_and_names_when_their_order_of_size_turns():
    first = segments.find(sampled(personas(500)[0]))
    turned, persona = personas(500, seed=1, shares=(0.2, 0.3, 0.5))
    fresh = groups(segments.find(sampled(turned)))
    assert [*fresh.values()] != [*groups(first).values()]
    later = segments.find(sampled(turned), previous=first)
    assert groups(later) == groups(first)
    cluster = nearest(sampled(turned), later)
    assert adjusted_rand_score(persona, cluster) > 0.95
    assert np.bincount(cluster).argmax() == 3


def test_a_name_changes_once_it_is_not_true_any_more():
    first = segments.find(sampled(personas(500)[0]))
    wrong = first.assign(
        behavior_segment=first["behavior_segment"].replace(
            groups(first)[1], "More event_08"
        )
    )
    later = segments.find(sampled(personas(500, seed=1)[0]), previous=wrong)
    assert [*groups(later)] == [1, 2, 3]
    assert set(groups(later)[1][5:].split(", ")) == {"event_00", "event_01"}


def test_a_group_that_is_gone_keeps_its_id_and_gets_it_back():
    three = personas(500)[0]
    first = segments.find(sampled(three))
    two, _ = personas(500, seed=1, mixes=THREE[[0, 2]], shares=(0.6, 0.4))
    without = segments.find(sampled(two), previous=first)
    assert groups(without) == {n: name for n, name in groups(first).items() if n != 2}
    gone = without[~without["is_current"]]
    assert {*gone["behavior_segment_id"]} == {2}
    # A new group is given an id that none had.
    mixes = mixes_of([(0, 1), (2, 5), (6, 7)])
    other, _ = personas(500, seed=2, mixes=mixes)
    changed = segments.find(sampled(other), previous=without)
    assert [*groups(changed)] == [1, 3, 4]
    assert set(groups(changed)[4][5:].split(", ")) == {"event_02", "event_05"}
    back = segments.find(sampled(three), previous=changed)
    assert groups(back) == groups(first)


def test_groups_come_back_after_a_run_that_found_none():
    first = segments.find(sampled(personas(500)[0]))
    draw = np.random.default_rng(0)
    alike = sampled(draw.multinomial(60, np.arange(1, 10) / 45, size=400))
    none = segments.find(alike, previous=first)
    assert groups(none) == {}
    assert groups(segments.find(sampled(personas(500)[0]), none)) == groups(first)


def test_another_product_in_the_same_warehouse_starts_afresh():
    first = segments.find(sampled(personas(500)[0]))
    counts = personas(500, shares=(0.2, 0.3, 0.5))[0]
    theirs = sampled(counts, [f"other_{event}" for event in range(9)])
    expected = segments.find(theirs)
    assert sorted(groups(expected)) == [1, 2, 3]
    found = segments.find(theirs, previous=first)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_table_of_an_earlier_version_is_not_read():
    sample = sampled(personas(300)[0])
    earlier = pd.DataFrame({"user_id": ["u1"], "behavior_segment": ["More event_00"]})
    expected = segments.find(sample)
    found = segments.find(sample, previous=earlier)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_groups_are_the_same_until_they_moved_half_of_the_way_to_another():
    centers = np.array([[0.0, 0.0], [1.0, 0.0]])
    moved = np.array([[0.0, 0.49], [1.0, 0.51]])
    assert segments.same_groups(centers, moved) == {0: 0}
    assert segments.same_groups(centers, centers[::-1]) == {0: 1, 1: 0}
    assert segments.same_groups(centers, np.zeros((0, 2))) == {}
    assert segments.same_groups(centers[:0], moved) == {}
    # Both old ones are near the first center; the nearer one is it.
    assert segments.same_groups(centers, np.array([[0.2, 0], [0.1, 0]])) == {0: 1}


# In the warehouse


def frame(build: DbtRun, sql: str, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(build.query(sql), columns=columns)


def centers_of(build: DbtRun) -> pd.DataFrame:
    columns = list(segments.CENTER_TYPES)
    sql = f"select {', '.join(columns)} from marts.segment_centers"
    return frame(build, sql, columns)


def test_sql_assigns_users_to_the_center_that_numpy_finds_nearest(seeds_build):
    centers = centers_of(seeds_build)
    dates = seeds_build.query("select as_of_date from marts.segment_dates")
    assert len(dates) > 4
    compared = 0
    for (date,) in dates:
        usage = frame(
            seeds_build,
            f"""
            select user_id, event_name, events_28 from marts.user_event_usage
            where as_of_date = '{date}'
            """,
            ["user_id", "event_name", "events_28"],
        )
        expected = nearest(usage, centers)
        found = dict(
            seeds_build.query(f"""
                select user_id, behavior_segment_id from marts.behavior_assignments
                where as_of_date = '{date}' and has_enough_events
            """)
        )
        compared += len(found)
        assert found == {user: expected[user] for user in found}
    assert compared > 2000


def test_associations_are_cramers_v_as_scipy_has_it(seeds_build):
    rows = seeds_build.query("""
        select
            associations.compared_with,
            associations.as_of_date,
            associations.segments,
            associations.other_groups,
            associations.cramers_v,
            list(user_segments.behavior_segment_id order by user_segments.user_id),
            list(other.segment_value order by user_segments.user_id)
        from marts.segment_associations as associations
        inner join marts.user_segments as user_segments
            on associations.as_of_date = user_segments.as_of_date
            and user_segments.behavior_segment_id is not null
        inner join (
            select user_id, segment, segment_value, null::date as as_of_date
            from core.dim_user_segments
            union all
            select user_id, 'engagement tier', engagement_tier, as_of_date
            from marts.user_segments
        ) as other
            on user_segments.user_id = other.user_id
            and associations.compared_with = other.segment
            and coalesce(other.as_of_date, associations.as_of_date)
            = associations.as_of_date
        group by all
    """)
    assert len(rows) >= 20
    for other, date, clusters, others, found, one, two in rows:
        table = crosstab(one, two).count
        assert table.shape == (clusters, others)
        # Without the correction scipy's is the plain one; with Bergsma's it is ours.
        users, (r, c) = table.sum(), table.shape
        plain = association(table, method="cramer") ** 2 * (min(r, c) - 1)
        square = max(0.0, plain - (r - 1) * (c - 1) / (users - 1))
        largest = min(r - (r - 1) ** 2 / (users - 1), c - (c - 1) ** 2 / (users - 1))
        assert found == pytest.approx(np.sqrt(square / (largest - 1))), (other, date)


def named(build: DbtRun) -> dict[int, str]:
    return dict(
        build.query("""
            select behavior_segment_id, behavior_segment from marts.segment_centers
            where is_current and behavior_segment_id > 0 group by all
        """)
    )


@pytest.fixture
def warehouse(tmp_path: Path, seeds_build: DbtRun) -> Path:
    """A copy of the seeds' warehouse, to build on."""
    return shutil.copytree(seeds_build.warehouse, tmp_path / "warehouse")


def centers_built(warehouse: Path, as_of_date: str) -> DbtRun:
    """The centers as of a date, built on what the folder holds."""
    done = run_dbt(
        warehouse,
        "run",
        "--select",
        "data_bounds as_of_dates user_event_usage segment_dates behavior_sample",
        "behavior_segments segment_centers",
        variables={"as_of_date": as_of_date},
    )
    assert done.returncode == 0, done.output
    return done


def test_the_same_data_again_gives_the_same_centers_and_other_weeks_the_same_names(
    warehouse, seeds_build
):
    again = centers_built(warehouse, "2026-07-05")
    pd.testing.assert_frame_equal(
        centers_of(again), centers_of(seeds_build), check_exact=True
    )
    other = centers_built(warehouse, "2026-06-07")
    assert named(other) == named(seeds_build)
    columns = ["user_id", "as_of_date", "event_name", "events_28", "is_new"]
    sql = f"select {', '.join(columns)} from marts.behavior_sample"
    sample = frame(other, sql, columns)
    fresh = segments.find(sample)
    # Whoever has no past numbers or names them otherwise.
    assert groups(fresh) != named(other)
    expected = fresh.loc[fresh["behavior_segment_id"] > 0, "center"]
    found = centers_of(other).query("behavior_segment_id > 0")["center"]
    assert sorted(found) == sorted(expected)


def test_without_a_database_ids_and_names_are_those_of_the_published_file(
    warehouse, seeds_build
):
    with duckdb.connect(str(published_file(warehouse))) as published:
        published.execute("""
            update segment_centers set behavior_segment_id = 30 - behavior_segment_id
            where behavior_segment_id > 0
        """)
    with duckdb.connect(str(warehouse / "build.duckdb")) as database:
        database.execute("drop table marts.segment_centers")
    built = centers_built(warehouse, "2026-07-05")
    expected = {30 - number: name for number, name in named(seeds_build).items()}
    assert named(built) == expected
