"""The connection is locked, values are bound, and the numbers are the marts'."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import streamlit as st
from test_dashboard_marts import HOSTILE, contracts, publish

from dashboard import queries, warehouse
from dashboard.queries import Slice
from dashboard.warehouse import Build
from tests.builds import DbtRun, published_file

ALL_TIME = (date(2000, 1, 1), date(2100, 1, 1))
EVERYONE = Slice(*ALL_TIME, "all", ("all",))
TOLERANCE = 1e-9


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    """The small warehouse, opened as the dashboard does."""
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    publish(tmp_path, "20260302T100000-aaaaaaaa")
    yield warehouse.current_build()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def seeds(seeds_build: DbtRun) -> Build:
    """The published marts of the mock product."""
    path = published_file(seeds_build.warehouse)
    return Build(str(path), path.stem)


@pytest.mark.parametrize(
    "attack",
    [
        "create table stolen as select 1",
        "insert into build_info select * from build_info",
        "update daily_active set dau = 0",
        "delete from activation",
        "drop table activation",
        "attach '{folder}/other.duckdb' as other",
        "attach ':memory:' as other",
        "copy (select 1) to '{folder}/written.csv'",
        "export database '{folder}/written'",
        "select * from read_text('{folder}/current.json')",
        "select * from read_csv('{folder}/current.json')",
        "select * from '{folder}/current.json'",
        "select * from glob('{folder}/*')",
        "install httpfs",
        "load httpfs",
        "select * from read_csv('https://example.com/x.csv')",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set lock_configuration = false",
        "select * from python_variable",
        "select getenv('HOME')",
    ],
)
def test_the_connection_can_only_read_marts(
    build: Build, attack: str, tmp_path: Path
) -> None:
    python_variable = queries.build.info(build).rows
    before = sorted(tmp_path.rglob("*"))
    with (
        warehouse.connection(build).cursor() as cursor,
        pytest.raises(duckdb.Error),
    ):
        cursor.execute(attack.format(folder=tmp_path)).fetchall()
    assert sorted(tmp_path.rglob("*")) == before
    assert len(python_variable) == 1


def test_the_connection_reads_what_is_published_by_day_and_no_other_file(
    seeds: Build,
) -> None:
    for relation in ("events", "user_features"):
        rows = warehouse.query(seeds, f"select count(*) as n from {relation}", {})
        assert rows["n"][0] > 0
    published = Path(seeds.path).parent
    event_file = next((published / "events").glob("*.parquet"))
    for path in (
        published / "events" / ".." / f"{Path(seeds.path).stem}.json",
        published.parent / "current.json",
        f"{published}/events-of-others/{event_file.name}",
    ):
        with (
            warehouse.connection(seeds).cursor() as cursor,
            pytest.raises(duckdb.PermissionException),
        ):
            cursor.execute(f"select * from read_text('{path}')")


def test_marts_that_are_published_by_day_are_described_as_the_others(
    seeds: Build,
) -> None:
    marts = queries.ask.marts(seeds).rows
    assert set(marts["mart"]) == set(contracts())
    assert marts["meaning"].all()
    assert marts["mart_meaning"].all()
    described = queries.build.descriptions(seeds).rows
    assert set(contracts()) <= set(
        described["table_name"][described["column_name"].isna()]
    )


# What a query's parameter is given, by its name; text from a user is hostile.
ARGUMENTS: dict[str, Any] = {
    "by_value": True,
    "period": "week",
    "retained": "on",
    "is_retained": True,
    "is_activated": True,
    "funnel": "buy",
    "step_number": 2,
    "previous_number": 1,
    "from_step": 1,
    "to_step": 2,
    "outcome": "reached",
    "window_days": 28,
    "active_days": 2,
    "as_of": date(2026, 3, 1),
    "day": date(2026, 3, 1),
    "days": 28,
    "start": date(2026, 1, 5),
    "week": date(2026, 1, 5),
    "state": "new",
    "period_number": 0,
    "bands": ("high", "low"),
    "search": "u",
    "limit": 10,
    "steps": ("file_opened", HOSTILE),
    "step_order": "ordered",
    "segment": "plan",
    "target": "file_opened",
    "returning_event": None,
    "kind": "first_time",
    "values": ("free", HOSTILE),
    "events": ("file_opened", HOSTILE),
    "event_name": "file_opened",
    "period_start": date(2026, 3, 1),
    "most_events": 5,
    "most_checks": 5,
    "user_id": "u12",
    "as_of_date": date(2026, 3, 1),
    "tier": "power",
    "behavior": "all",
    "risk_from": 0.4,
    "risk_band": "high",
    "reason": HOSTILE,
    "is_high": True,
    "did_it": True,
    "is_churned": False,
    "from_event": "(start)",
    "to_event": "file_opened",
}
PECULIAR = {
    "retention.brackets": {"period": "day"},
    "paths.users_of": {"from_step": 0},
    "churn.users_of_outcome": {"as_of_date": date(2026, 2, 1)},
    "ask.funnel": {"days": (None, None)},
    "ask.funnel_users": {"step_number": 1, "days": (None, None)},
    "ask.retention": {"days": (date(2026, 1, 5), date(2026, 3, 1))},
}
QUERIES = {
    f"{module.__name__.rsplit('.', 1)[-1]}.{name}": function
    for module in vars(queries).values()
    if inspect.ismodule(module)
    for name, function in vars(module).items()
    if hasattr(function, "__wrapped__") and function.__module__ == module.__name__
}


def asked(name: str, build: Build, chosen: Slice, **more: Any) -> queries.Result:
    """A query with arguments that it takes."""
    given = {**ARGUMENTS, "build": build, "chosen": chosen, **PECULIAR.get(name, {})}
    given |= more
    taken = inspect.signature(QUERIES[name]).parameters
    return QUERIES[name](**{parameter: given[parameter] for parameter in taken})


@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_value_is_a_value_like_any_other(name: str, build: Build) -> None:
    usual, hostile = (
        asked(name, build, Slice(*ALL_TIME, "plan", (value,)))
        for value in ("free", HOSTILE)
    )
    assert list(hostile.rows) == list(usual.rows)
    assert len(hostile.rows) > 0 or name in OF_FEW


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("text", ["' or '1'='1", "all'; drop table activation; --", ""])
def test_a_value_that_nobody_has_selects_nobody(
    name: str, text: str, build: Build
) -> None:
    if "chosen" not in inspect.signature(QUERIES[name]).parameters:
        return
    rows = asked(name, build, Slice(*ALL_TIME, "plan", (text,))).rows
    counts = [c for c in rows if c == "users" or c.endswith("_users") or c == "dau"]
    assert rows.empty or not rows[counts].to_numpy().any() or name in FOR_EVERYONE
    assert len(queries.build.info(build).rows) == 1


# Groups of the small warehouse are too small for it.
OF_FEW = {"churn.behaviors"}
# What is the same whoever is looked at.
FOR_EVERYONE = {"lifecycle.stickiness_dates"}


@pytest.mark.parametrize("text", ["' or '1'='1", HOSTILE])
def test_a_text_that_a_user_types_finds_itself_only(text: str, build: Build) -> None:
    assert asked("churn.users_at_risk", build, EVERYONE, search=text).rows.empty
    assert asked("churn.users_at_risk", build, EVERYONE, bands=(text,)).rows.empty


def values_of(build: Build, segment: str) -> tuple[str, ...]:
    known = queries.build.segments(build).rows
    return tuple(known.loc[known["segment"] == segment, "segment_value"])


@pytest.mark.parametrize("segment", ["plan", "country"])
def test_the_values_of_a_segment_add_up_to_everyone(seeds: Build, segment: str) -> None:
    chosen = Slice(*ALL_TIME, segment, values_of(seeds, segment))
    everyone, together = (
        queries.overview.headline(seeds, each).rows for each in (EVERYONE, chosen)
    )
    for column in ("dau", "wau", "mau", "new_users", "stickiness"):
        assert (everyone[column] - together[column]).abs().max() < TOLERANCE, column
    for read in (
        lambda each: queries.lifecycle.lifecycle(seeds, each, "week", False).rows,
        lambda each: queries.features.features(seeds, each, "week").rows,
        lambda each: queries.retention.cells(seeds, "week", each, "on").rows,
        lambda each: queries.overview.activation(seeds, each, False).rows,
    ):
        everyone, together = read(EVERYONE), read(chosen)
        numbers = everyone.select_dtypes("number").columns
        assert len(everyone) == len(together) > 0
        for column in numbers:
            difference = (everyone[column] - together[column]).abs().max()
            assert not difference > TOLERANCE, column


def test_growth_accounts_for_every_active_user(seeds: Build) -> None:
    rows = queries.lifecycle.lifecycle(seeds, EVERYONE, "week", False).rows[1:]
    came = rows["new_users"] + rows["resurrected_users"]
    assert (
        rows["active_before"] + came - rows["dormant_users"] == rows["active_users"]
    ).all()


def test_a_range_begins_with_the_period_that_holds_its_first_day(seeds: Build) -> None:
    middle = EVERYONE._replace(start=date(2026, 3, 12), end=date(2026, 4, 1))
    weeks = queries.lifecycle.lifecycle(seeds, middle, "week", False).rows
    assert weeks["period_start"].iloc[0] == pd.Timestamp("2026-03-09")
    assert weeks["active_before"].notna().all()


def test_features_equal_the_mart(seeds: Build) -> None:
    shown = queries.features.features(seeds, EVERYONE, "week").rows.set_index(
        "event_name"
    )
    mart = warehouse.query(
        seeds,
        """
        select * from feature_usage
        where period = 'week' and segment = 'all' and period_start = $start
        """,
        {"start": shown["period_start"].iloc[0]},
    ).set_index("event_name")
    assert set(shown.index) == set(mart.index)
    for column in (
        "users",
        "adoption_rate",
        "repeat_rate",
        "events_per_user",
        "retained_with_rate",
        "retained_without_rate",
    ):
        assert (shown[column] - mart[column]).abs().max() < TOLERANCE, column


def test_every_scored_user_is_in_the_distribution(seeds: Build) -> None:
    summary = queries.churn.risk_summary(seeds, EVERYONE).rows.iloc[0]
    spread = queries.churn.risk_distribution(seeds, EVERYONE).rows
    scored = warehouse.query(seeds, "select count(*) as n from churn_scores", {})
    assert spread["users"].sum() == summary["users"] == scored["n"][0]
    assert spread["risk_from"].between(0, 0.95).all()


def test_a_date_range_selects_entries_and_keeps_open_ones_apart(build: Build) -> None:
    # One user enters each day from 5 January on; the last eight windows are open.
    first_week = EVERYONE._replace(start=date(2026, 1, 5), end=date(2026, 1, 11))
    entry = queries.funnels.steps(build, "buy", first_week, False).rows.iloc[0]
    assert entry["entered_users"] == entry["matured_entrants"] == 7
    last_days = EVERYONE._replace(start=date(2026, 2, 14), end=date(2026, 2, 21))
    steps = queries.funnels.steps(build, "buy", last_days, False).rows
    assert steps["entered_users"].iloc[0] == 8
    assert steps["matured_conversion"].isna().all()
    assert steps["dropped_users"].sum() == 0
    assert steps["pending_users"].sum() > 0


def how_many(listed: queries.Result) -> int:
    """How many users a list is of, of which it may hold the first ones only."""
    return 0 if listed.rows.empty else listed.rows["all_users"].iloc[0]


PLUS = Slice(*ALL_TIME, "plan", ("plus",))


@pytest.mark.parametrize("chosen", [EVERYONE, PLUS], ids=["everyone", "some"])
def test_users_listed_by_risk_are_as_many_as_it_counts(
    seeds: Build, chosen: Slice
) -> None:
    spread = queries.churn.risk_distribution(seeds, chosen).rows
    for risk_from, users in spread.groupby("risk_from")["users"].sum().items():
        assert how_many(queries.churn.users_at(seeds, chosen, risk_from)) == users
    reasons = queries.churn.reasons(seeds, chosen).rows
    assert len(reasons) > 2
    for row in reasons.itertuples():
        for is_high, users in (
            (True, row.high_users),
            (False, row.users - row.high_users),
        ):
            listed = queries.churn.users_with_reason(seeds, chosen, row.reason, is_high)
            assert how_many(listed) == users


def test_users_listed_by_what_they_did_are_as_many_as_it_counts(seeds: Build) -> None:
    behaviors = queries.churn.behaviors(seeds, EVERYONE).rows
    assert len(behaviors) > 5
    for row in behaviors.itertuples():
        gone, here = (
            how_many(
                queries.churn.users_by_behavior(
                    seeds, EVERYONE, row.event_name, True, is_churned
                )
            )
            for is_churned in (True, False)
        )
        assert gone + here == row.users
        assert gone / row.users == pytest.approx(row.gone_with)
        without = [
            how_many(
                queries.churn.users_by_behavior(
                    seeds, EVERYONE, row.event_name, False, is_churned
                )
            )
            for is_churned in (True, False)
        ]
        assert without[0] / sum(without) == pytest.approx(row.gone_without)


def test_users_listed_by_an_earlier_score_are_as_many_as_it_counts(
    build: Build,
) -> None:
    for row in queries.churn.outcomes(build).rows.itertuples():
        gone, here = (
            how_many(
                queries.churn.users_of_outcome(
                    build, row.as_of_date.date(), row.risk_band, is_churned
                )
            )
            for is_churned in (True, False)
        )
        assert gone + here == row.users > 0
        assert gone / row.users == pytest.approx(row.churned_rate)


def test_users_listed_by_a_way_went_it_as_often_as_it_counts(seeds: Build) -> None:
    spring = PLUS._replace(start=date(2026, 3, 10), end=date(2026, 5, 2))
    flows = queries.paths.flows(seeds, spring, 50).rows
    most = flows[flows["transitions"] > 20]
    assert len(most) > 10
    for row in most.itertuples():
        listed = queries.paths.users_of(
            seeds, spring, row.from_event, row.to_event, row.from_step
        ).rows
        assert listed["times"].sum() == row.transitions


def test_users_listed_at_a_step_are_as_many_as_it_counts(build: Build) -> None:
    steps = queries.funnels.steps(build, "buy", EVERYONE, False).rows
    for row in steps[1:].itertuples():
        for outcome, count in (
            ("reached", row.users),
            ("dropped", row.dropped_users),
            ("pending", row.pending_users),
        ):
            listed = queries.funnels.users_at_step(
                build, "buy", row.step_number, row.step_number - 1, outcome, EVERYONE
            ).rows
            assert len(listed) == count
            assert count == 0 or (listed["all_users"] == count).all()


def test_a_users_deepest_then_earliest_attempt_in_the_range_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    again = """
        insert into funnel_attempts by name
        select * replace (
            2 as attempt_number, 3 as deepest_step, date '2026-06-01' as entry_date,
            [timestamp '2026-06-01 00:00', '2026-06-01 01:00', '2026-06-01 02:00']
                as step_times
        )
        from funnel_attempts where user_id = 'u00';
        update funnel_attempts set is_headline = false
        where user_id = 'u00' and attempt_number = 1
    """
    publish(tmp_path, "20260302T100000-twiceeee", change=again)
    build = warehouse.current_build()
    early = EVERYONE._replace(end=date(2026, 1, 5))
    steps = queries.funnels.steps(build, "buy", early, False).rows
    assert list(steps["users"]) == [1, 0, 0]
    with_late = queries.funnels.steps(build, "buy", EVERYONE, False).rows
    assert list(with_late["users"]) == [48, 31, 16]
