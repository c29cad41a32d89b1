"""The connection is locked, values are bound, and the numbers are the marts'."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from conftest import DbtRun, published_file
from test_dashboard_marts import HOSTILE, publish

from dashboard import queries, warehouse
from dashboard.queries import Slice
from dashboard.warehouse import Build

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


def test_the_connection_reads_the_published_events_and_no_other_file(
    seeds: Build,
) -> None:
    rows = warehouse.query(seeds, "select count(*) as n from events", {})
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


def every_query(build: Build, chosen: Slice, text: str) -> dict[str, int]:
    """The number of rows of each query, with a text wherever one can be given."""
    results = {
        "headline": queries.overview.headline(build, chosen),
        "activation": queries.overview.activation_by_week(build, chosen),
        "active_users": queries.overview.active_users(build, chosen, True),
        "lifecycle": queries.lifecycle.lifecycle(build, chosen, "week"),
        "features": queries.features.features(build, chosen, "week"),
        "funnel": queries.funnels.funnel_steps(build, "buy", chosen, True),
        "drop_out": queries.funnels.funnel_drop_out(build, "buy", chosen),
        "cells": queries.retention.retention_cells(build, "week", chosen, False),
        "curve": queries.retention.retention_curve(build, "week", chosen, True, True),
        "distribution": queries.churn.risk_distribution(build, chosen),
        "reasons": queries.churn.reasons(build, chosen),
        "users": queries.churn.users_at_risk(build, chosen, ("high", text), "u", 10),
        "no_funnel": queries.funnels.funnel_steps(build, text, chosen, False),
        "no_user": queries.churn.users_at_risk(build, chosen, ("high",), text, 10),
    }
    return {name: len(result.rows) for name, result in results.items()}


def test_a_hostile_value_is_a_value_like_any_other(build: Build) -> None:
    usual = every_query(build, Slice(*ALL_TIME, "plan", ("free",)), "x")
    hostile = every_query(build, Slice(*ALL_TIME, "plan", (HOSTILE,)), HOSTILE)
    assert hostile == usual
    assert not hostile["no_funnel"]
    assert not hostile["no_user"]
    assert all(rows for name, rows in hostile.items() if not name.startswith("no_"))


@pytest.mark.parametrize("text", ["' or '1'='1", "all'; drop table activation; --", ""])
def test_a_value_that_nobody_has_selects_nobody(build: Build, text: str) -> None:
    counts = every_query(build, Slice(*ALL_TIME, text, (text,)), text or "nothing")
    assert not any(counts.values())
    assert len(queries.build.info(build).rows) == 1


def values_of(build: Build, segment: str) -> tuple[str, ...]:
    known = queries.build.segments(build).rows
    return tuple(known.loc[known["segment"] == segment, "segment_value"])


def test_funnels_equal_the_mart(seeds: Build) -> None:
    for funnel in queries.funnels.funnels(seeds).rows["funnel"]:
        for segment in ("all", "platform"):
            values = values_of(seeds, segment) or ("all",)
            shown = queries.funnels.funnel_steps(
                seeds, funnel, Slice(*ALL_TIME, segment, values), True
            ).rows
            mart = warehouse.query(
                seeds,
                """
                select * from funnel_steps where funnel = $funnel and segment = $segment
                order by segment_value, step_number
                """,
                {"funnel": funnel, "segment": segment},
            )
            assert len(shown) == len(mart) > 0
            for column in (
                "users",
                "dropped_users",
                "pending_users",
                "matured_entrants",
                "matured_users",
                "conversion_from_start",
                "conversion_from_previous",
                "matured_conversion",
                "ci_low",
                "ci_high",
                "median_seconds_from_previous",
                "p90_seconds_from_previous",
            ):
                pairs = zip(
                    shown[column].fillna(-1), mart[column].fillna(-1), strict=True
                )
                assert all(
                    abs(a - b) <= TOLERANCE * max(1, abs(b)) for a, b in pairs
                ), (
                    funnel,
                    segment,
                    column,
                )


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_retention_curves_equal_the_mart(seeds: Build, period: queries.Period) -> None:
    shown = queries.retention.retention_curve(
        seeds, period, EVERYONE, False, False
    ).rows
    later = queries.retention.retention_curve(seeds, period, EVERYONE, True, False).rows
    mart = warehouse.query(
        seeds,
        """
        select * from retention_curves where period = $period and segment = 'all'
            and cohort_users > 0
        order by period_number
        """,
        {"period": period},
    )
    assert list(shown["period_number"]) == list(mart["period_number"])
    assert list(shown["cohort_users"]) == list(mart["cohort_users"])
    assert list(shown["retained_users"]) == list(mart["retained_users"])
    assert list(later["retained_users"]) == list(mart["retained_on_or_after_users"])
    for column in ("retention_rate", "ci_low", "ci_high"):
        assert (shown[column] - mart[column]).abs().max() < TOLERANCE


@pytest.mark.parametrize("segment", ["plan", "country"])
def test_the_values_of_a_segment_add_up_to_everyone(seeds: Build, segment: str) -> None:
    chosen = Slice(*ALL_TIME, segment, values_of(seeds, segment))
    everyone, together = (
        queries.overview.headline(seeds, each).rows for each in (EVERYONE, chosen)
    )
    for column in ("dau", "wau", "mau", "new_users", "stickiness"):
        assert (everyone[column] - together[column]).abs().max() < TOLERANCE, column
    for read in (
        lambda each: queries.lifecycle.lifecycle(seeds, each, "week").rows,
        lambda each: queries.features.features(seeds, each, "week").rows,
        lambda each: queries.retention.retention_cells(seeds, "week", each, False).rows,
    ):
        everyone, together = read(EVERYONE), read(chosen)
        numbers = everyone.select_dtypes("number").columns
        assert len(everyone) == len(together) > 0
        for column in numbers:
            difference = (everyone[column] - together[column]).abs().max()
            assert not difference > TOLERANCE, column


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
    entry = queries.funnels.funnel_steps(build, "buy", first_week, False).rows.iloc[0]
    assert entry["entered_users"] == entry["matured_entrants"] == 7
    last_days = EVERYONE._replace(start=date(2026, 2, 14), end=date(2026, 2, 21))
    steps = queries.funnels.funnel_steps(build, "buy", last_days, False).rows
    assert steps["entered_users"].iloc[0] == 8
    assert steps["matured_conversion"].isna().all()
    assert steps["dropped_users"].sum() == 0
    assert steps["pending_users"].sum() > 0


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
        from funnel_attempts where user_id = 'u00'
    """
    publish(tmp_path, "20260302T100000-twiceeee", change=again)
    build = warehouse.current_build()
    early = EVERYONE._replace(end=date(2026, 1, 5))
    assert list(
        queries.funnels.funnel_steps(build, "buy", early, False).rows["users"]
    ) == [
        1,
        0,
        0,
    ]
    with_late = queries.funnels.funnel_steps(build, "buy", EVERYONE, False).rows
    assert list(with_late["users"]) == [48, 31, 16]
