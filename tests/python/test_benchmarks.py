"""The benchmark makes the same events again, and notices a wrong answer."""

from __future__ import annotations

import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from benchmarks import report
from benchmarks.engines import warehouse
from benchmarks.make_events import (
    DAYS,
    EVENTS_PER_USER,
    FIRST_DAY,
    LATER_DAYS,
    Data,
    describe,
    make,
    make_later_days,
)
from benchmarks.measure import run_process
from benchmarks.question import TASKS
from benchmarks.run import BUILT_IN, available, compare, differences, planned
from benchmarks.task import ENGINES, PACKAGES, THREADS
from tests.builds import PROJECT

EVENTS = 50_000
PEERS = [engine for engine in ENGINES if engine != "warehouse"]
INSTALLED = [
    engine
    for engine in ENGINES
    if engine not in PACKAGES or find_spec(PACKAGES[engine])
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def data(folder: Path) -> Data:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_DIR", str(folder))
        data = make(describe(EVENTS))
    make_later_days(data)
    return data


def made(data: Data) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted(data.folder.rglob("*.parquet"))
    }


def ask(sql: str) -> list[tuple]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def test_the_same_arguments_make_the_same_bytes(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(data)
    monkeypatch.setenv("BENCHMARK_DIR", str(tmp_path))
    again, other = make(describe(EVENTS)), make(describe(EVENTS, seed=2))
    make_later_days(again)
    make_later_days(other)
    assert made(again) == first
    other = made(other)
    assert other.keys() == first.keys()
    assert other != first


def test_events_have_the_size_and_shape_that_is_said(data: Data) -> None:
    events = f"'{data.event_files}'"
    rows, ids, names, days = ask(
        f"""
        select count(*), count(distinct event_id), count(distinct event_name),
            date_diff('day', min(event_time), max(event_time)) + 1
        from {events}
        """
    )[0]
    assert (rows, ids, names, days) == (EVENTS, EVENTS, 20, DAYS)
    strangers = ask(
        f"""
        select count(*) from {events} as events
        left join '{data.user_file}' as users
            on events.user_id = users.user_id and signed_up_at <= event_time
        where users.user_id is null
        """
    )
    assert strangers == [(0,)]
    # Power law: the most active tenth of the users make more than a third of the events.
    share = ask(
        f"""
        select sum(events) filter (place <= {data.users // 10}) / sum(events)
        from (
            select count(*) as events, row_number() over (order by count(*) desc) as place
            from {events} group by user_id
        )
        """
    )[0][0]
    assert share > 1 / 3


@pytest.mark.parametrize("number", range(len(LATER_DAYS)))
def test_a_later_day_has_new_events_of_old_and_new_users(
    data: Data, number: int
) -> None:
    day = FIRST_DAY + timedelta(DAYS + number)
    events, users = later_day_files(data, number)
    rows, ids, first, last, newcomers = ask(
        f"""
        select count(*), count(distinct event_id), min(event_time)::date,
            max(event_time)::date, count(distinct user_id) filter (user_id like 'n%')
        from {events}
        """
    )[0]
    assert (first, last) == (day, day)
    assert rows == ids > EVENTS / DAYS / 4
    known = f"(select event_id from '{data.event_files}')"
    assert ask(f"select count(*) from {events} where event_id in {known}") == [(0,)]
    signed_up = f"select user_id from {users} where signed_up_at::date = '{day}'"
    unknown = f"user_id like 'n%' and user_id not in ({signed_up})"
    assert ask(f"select count(*) from {events} where {unknown}") == [(0,)]
    assert newcomers > 0


def later_day_files(data: Data, number: int) -> tuple[str, str]:
    folder = data.later_days[number]
    return f"'{folder / 'events.parquet'}'", f"'{folder / 'users.parquet'}'"


def test_a_size_that_cannot_be_is_refused() -> None:
    with pytest.raises(
        ValueError, match=f"events: got 7, allowed are {EVENTS_PER_USER}"
    ):
        describe(7)
    with pytest.raises(ValueError, match="users: got 900, allowed are 1 to 100"):
        describe(1000, 900)


@pytest.fixture(scope="module")
def results(data: Data, folder: Path) -> dict[str, Any]:
    # One run of dbt instead of one per task; most of a small one is its start.
    plan = [("warehouse", "set")]
    plan += [each for each in planned(INSTALLED) if each[0] != "warehouse"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        return compare(data, plan, (100_000, 600.0))


@pytest.mark.parametrize("engine", PEERS)
def test_a_peer_gives_the_answers_of_the_marts(
    results: dict[str, Any], engine: str
) -> None:
    if engine not in INSTALLED:
        pytest.skip(f"{PACKAGES[engine]} is not installed")
    tasks = [each for each in results["tasks"] if each["engine"] == engine]
    assert {each["task"] for each in tasks} >= {task.name for task in TASKS}
    assert {each["status"] for each in tasks} == {"done"}
    assert all(each["peak_mb"] > 0 and each["seconds"] > 0 for each in tasks)


def test_the_time_of_a_run_of_dbt_is_told_by_phase_and_model(
    results: dict[str, Any],
) -> None:
    run = next(each for each in results["tasks"] if each["engine"] == "warehouse")
    assert list(run["phases"]) == list(warehouse.PHASES)
    assert sum(run["phases"].values()) <= run["process_seconds"]
    steps = run["steps"]
    assert {f"model.{mart}" for mart in warehouse.MARTS} <= steps.keys()
    assert steps["model.fct_events"]["query_seconds"] > 0
    assert all(step["query_seconds"] <= step["seconds"] for step in steps.values())


def test_tasks_run_as_many_nodes_at_once_as_users_do() -> None:
    profiles = yaml.safe_load((PROJECT / "profiles.yml").read_text())
    assert profiles["product_analytics"]["outputs"]["duckdb"]["threads"] == THREADS


def test_days_that_the_marts_lack_are_noticed(
    results: dict[str, Any], data: Data
) -> None:
    folder = data.folder / "answers" / BUILT_IN
    assert warehouse.days_that_differ(folder) == 0
    warehouse.take_in(data, folder, later_days=2)
    assert warehouse.days_that_differ(folder) == 2


def test_an_engine_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PACKAGES, "polars", "no_such_package")
    assert available(["warehouse", "polars"]) == ["warehouse"]
    expected = "Polars is left out: no_such_package is not installed."
    assert capsys.readouterr().out.strip() == expected


def test_a_process_that_takes_too_much_memory_is_ended() -> None:
    hog = "held = bytearray(300_000_000); import time; time.sleep(60)"
    done = run_process([sys.executable, "-c", hog], 100, 50, {})
    assert done.status == "more than 100 MB"


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_a_wrong_answer_is_noticed(
    results: dict[str, Any], data: Data, tmp_path: Path, task: str
) -> None:
    right = data.folder / "answers" / "pandas" / f"{task}.parquet"
    for engine in ("first", "second"):
        (tmp_path / engine).mkdir()
    ask(f"copy (from '{right}') to '{tmp_path / 'first' / task}.parquet'")
    ask(f"copy (from '{right}' offset 1) to '{tmp_path / 'second' / task}.parquet'")
    found = differences(task, ["first", "second"], tmp_path)
    assert found == {"first": 0, "second": 1}


def test_the_table_has_a_ratio_to_every_other_engine(results: dict[str, Any]) -> None:
    peers = [engine for engine in INSTALLED if engine != "warehouse"]
    shown = report.as_markdown(results | {"engines": peers})
    row = next(line for line in shown.splitlines() if "the whole set" in line)
    assert row.count("(") == len(peers) - 1


def test_the_build_of_one_day_more_is_a_share_of_the_whole_one(
    results: dict[str, Any],
) -> None:
    whole = next(each for each in results["tasks"] if each["engine"] == "warehouse")
    steps = {
        name: step | {"query_seconds": step["query_seconds"] / 4}
        for name, step in whole["steps"].items()
    }
    builds = {"threads": 4, "build": whole, "next_day": whole | {"steps": steps}}
    builds["second_day"] = whole
    shown = report.as_markdown(results | builds).splitlines()
    row = next(line for line in shown if line.startswith("| models, queries"))
    assert [row.split("|")[cell].strip() for cell in (4, 6)] == ["25.0 %", "100.0 %"]
    aims = report.targets_table([results | builds])
    assert "queries of one day more, 50k" in aims
    assert "queries of another day, 50k" in aims


def test_what_is_not_models_is_told_of_the_seeds(results: dict[str, Any]) -> None:
    run = next(each for each in results["tasks"] if each["engine"] == "warehouse")
    phases = dict.fromkeys(warehouse.PHASES, 1.0) | {"parse": 3.0}
    first = run | {"phases": phases, "process_seconds": 10.0}
    found = {"machine": results["machine"], "first": [first], "again": [first]}
    shown = report.seeds_markdown(found).splitlines()
    row = next(line for line in shown if "reading the project" in line)
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["3.00", "30 %"]


def test_the_page_has_the_figures_of_the_results() -> None:
    assert report.PAGE.read_text() == report.page()
