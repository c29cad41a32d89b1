"""SQL that a user types reads the marts, within its limits, and can do nothing else."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboard.ask import process, rules, worker
from dashboard.ask.process import Limits
from tests import attacks_on_ask
from tests.attacks_on_ask import ATTACKS, SECRET, TOO_MUCH, filled_in, make_place

SHORT = Limits(seconds=20, rows=50)

ANSWERED = [
    ("from daily_active", 3),
    ("select count(*) from daily_active;", 1),
    ("with big as (from daily_active where dau > 1) from big", 2),
    ("with a as (select 1 as x), b as (from a) from b", 1),
    (
        "with recursive n as (select 1 as x union all select x + 1 from n where x < 4)"
        " from n",
        4,
    ),
    ("select * from daily_active cross join lifecycle", 6),
    ("(select dau from daily_active) union all (select 7)", 4),
    ("select (select max(dau) from daily_active) as highest", 1),
    ("select * from daily_active, lateral (select dau * 2) as doubled(twice)", 3),
    ("from (values (1), (2)) as two(x)", 2),
    ("from range(3)", 3),
    ("select unnest([1, 2])", 2),
    ("describe daily_active", 2),
    ("from main.daily_active tablesample 3 rows", 3),
    ("-- a comment\nselect 1", 1),
    ("from churn_labels", 2),
    ("select count(*) from main.Churn_Labels where is_churned", 1),
    ("from churn_labels join churn_labels as other using (user_id)", 2),
    ("describe churn_labels", 2),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a published file of two marts, and a file that nobody may read."""
    folder = tmp_path_factory.mktemp("ask")
    make_place(folder)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def ask(place: Path, sql: str, limits: Limits = SHORT) -> process.Answer:
    return process.run(str(place / "build.duckdb"), sql, limits)


def request(place: Path, sql: str) -> dict[str, Any]:
    return {"path": str(place / "build.duckdb"), "sql": sql, **SHORT._asdict()}


@pytest.mark.parametrize(("sql", "rows"), ANSWERED)
def test_a_query_of_the_marts_is_answered(place: Path, sql: str, rows: int) -> None:
    assert worker.run(request(place, sql)).num_rows == rows


def test_an_answer_keeps_its_types(place: Path) -> None:
    answer = ask(
        place, "select date '2026-03-01' as day, 0.5::double as rate, null::int as none"
    )
    (row,) = answer.rows.to_dict("records")
    assert (str(row["day"])[:10], row["rate"]) == ("2026-03-01", 0.5)
    assert not answer.is_cut


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_a_sentence_and_nothing_else(place: Path, attack: str) -> None:
    sql, word = ATTACKS[attack]
    with pytest.raises((rules.NotAllowedError, duckdb.Error)) as refusal:
        worker.run(request(place, filled_in(sql, place)))
    assert word in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "sql",
    [
        "from read_text('{secret}')",
        "copy (select 1) to '{new}'",
        "with x as (copy (select 1) to '{new}') select 1",
        "copy (select 1) to '{secret}'",
        "from events",
        "from read_parquet('{folder}/churn_labels/*.parquet')",
        "copy (select 1) to '{folder}/churn_labels/day.parquet'",
        "copy (select 1) to '{folder}/churn_labels/day.parquet' (use_tmp_file false)",
        "attach '{new}' as other",
        "set threads = 64",
        "install httpfs",
        "delete from daily_active",
    ],
)
def test_the_process_refuses_what_the_rules_would_let_through(
    place: Path, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "check", lambda *_: None)
    with pytest.raises(duckdb.Error):
        worker.run(request(place, filled_in(sql, place)))


def test_what_is_refused_reaches_the_user_as_a_sentence(place: Path) -> None:
    with pytest.raises(rules.NotAllowedError, match="There is no mart 'events'"):
        ask(place, "from events")
    with pytest.raises(rules.NotAllowedError, match='"dua" not found'):
        ask(place, "select dua from daily_active")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("never end", "longer than 3 seconds"),
        ("take the memory", "memory"),
        ("give an answer that is too wide", "larger than 5 MB"),
    ],
)
def test_a_query_that_is_too_much_is_stopped_and_told_so(
    place: Path, what: str, said: str
) -> None:
    sql, limits = TOO_MUCH[what]
    with pytest.raises(rules.NotAllowedError, match=said):
        ask(place, sql, limits)


def test_the_page_of_attacks_says_what_each_gets() -> None:
    written = attacks_on_ask.PAGE.read_text(encoding="utf-8")
    assert written == attacks_on_ask.page()
    assert "| an answer |" not in written


def test_long_answers_are_cut_and_said_to_be(place: Path) -> None:
    answer = ask(place, "from range(10_000_000)", Limits(seconds=20, rows=10))
    assert len(answer.rows) == 10
    assert answer.is_cut


def test_more_queries_at_once_than_allowed_are_told_to_wait(place: Path) -> None:
    endless = "select count(*) from range(1_000_000_000_000)"
    said: list[str] = []

    def run() -> None:
        with pytest.raises(rules.NotAllowedError) as refusal:
            ask(place, endless, Limits(seconds=4))
        said.append(str(refusal.value))

    threads = [threading.Thread(target=run) for _ in range(process.MOST_AT_ONCE + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("running already" in sentence for sentence in said) == 1
    assert sum("longer than" in sentence for sentence in said) == process.MOST_AT_ONCE


def test_the_process_sees_nothing_of_the_dashboards_environment(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARD_PASSWORD", SECRET)
    started: list[dict] = []
    real = process.subprocess.Popen

    def popen(*arguments: object, **options: object) -> object:
        started.append(dict(options))
        return real(*arguments, **options)

    monkeypatch.setattr(process.subprocess, "Popen", popen)
    ask(place, "select 1")
    assert started[0]["env"] == {}
    assert os.environ["DASHBOARD_PASSWORD"] == SECRET
