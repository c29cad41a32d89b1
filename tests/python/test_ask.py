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

SHORT = Limits(seconds=20, rows=50)
SECRET = "what nobody may read"

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
]  # fmt: skip

# What was tried, and a word of the sentence that it got.
ATTACKS = {
    "read a file": ("from read_text('{secret}')", "read_text"),
    "read a file by its name": ("from '{secret}'", "no mart"),
    "read a file by a quoted name": ('from "{secret}"', "no mart"),
    "read a file below a with": (
        "with x as materialized (from '{secret}') from x",
        "no mart",
    ),
    "read a file in a subquery": (
        "select (select content from read_text('{secret}'))",
        "read_text",
    ),
    "read a file in order by": (
        "from daily_active order by (select content from read_text('{secret}'))",
        "read_text",
    ),
    "read a CSV file": ("from read_csv('{secret}')", "read_csv"),
    "read a Parquet file": ("from read_parquet('{folder}/*.parquet')", "read_parquet"),
    "list files": ("from glob('/*')", "glob"),
    "read the events' files": ("from events", "no mart"),
    "call a table function that reads them": ("from funnel(['a', 'b'])", "builders"),
    "write a file": ("copy daily_active to '{new}'", "COPY"),
    "write a file in a with": (
        "with x as (copy daily_active to '{new}') select 1",
        "may only read",
    ),
    "overwrite a file": ("copy (select 1) to '{secret}'", "COPY"),
    "export all": ("export database '{new}'", "EXPORT"),
    "attach a file": ("attach '{new}' as other", "ATTACH"),
    "attach memory": ("attach ':memory:' as other", "ATTACH"),
    "detach": ("detach product", "DETACH"),
    "install": ("install httpfs", "LOAD"),
    "load": ("load httpfs", "LOAD"),
    "read the network": ("from 'https://example.com/x.csv'", "no mart"),
    "change a setting": ("set threads = 64", "SET"),
    "unlock": ("set lock_configuration = false", "SET"),
    "reset": ("reset memory_limit", "SET"),
    "call": ("call pragma_version()", "CALL"),
    "pragma": ("pragma database_list", "PRAGMA"),
    "explain with analysis": ("explain analyze select 1", "EXPLAIN"),
    "insert": ("insert into daily_active from daily_active", "INSERT"),
    "insert in a with": (
        "with x as (insert into daily_active from daily_active returning *) from x",
        "may only read",
    ),
    "delete in a with": (
        "with x as (delete from daily_active returning *) from x",
        "may only read",
    ),
    "update": ("update daily_active set dau = 0", "UPDATE"),
    "drop": ("drop table daily_active", "DROP"),
    "make a table": ("create temp table x as select 1", "CREATE"),
    "make a macro": ("create macro f() as 1", "CREATE"),
    "prepare": ("prepare q as select 1", "PREPARE"),
    "two statements": ("select 1; drop table daily_active", "2 statements"),
    "a second one behind a comment": ("select 1; -- x\nattach ':memory:'", "2 statem"),
    "settings": ("from duckdb_settings()", "duckdb_settings"),
    "one setting": ("select current_setting('temp_directory')", "current_setting"),
    "a setting in a filter": (
        "from daily_active where dau > (select len(current_setting('home_directory')))",
        "current_setting",
    ),
    "paths of databases": ("from duckdb_databases()", "duckdb_databases"),
    "the catalogue": ("from information_schema.tables", "no mart"),
    "the catalogue by a system view": ("from sqlite_master", "no mart"),
    "a system view behind a with of its name": (
        "with pg_class as (from pg_class) from pg_class",
        "no mart",
    ),
    "a system view beside a with of its name": (
        "from (with pg_class as (select 1) select 1) as x, pg_class",
        "no mart",
    ),
    "another database's tables": ("from system.main.daily_active", "no mart"),
    "SQL in a text": ("from query('attach '':memory:''')", "query"),
    "a table by its name in a text": ("from query_table('{secret}')", "query_table"),
    "variables of Python": ("from process", "no mart"),
    "the environment": ("select getenv('HOME')", "getenv"),
    "the log": ("select write_log('x')", "write_log"),
    "nothing": ("  \n", "no query"),
    "no SQL": ("selec 1", "syntax error"),
    "too much text": ("select 1 -- " + "x" * rules.LONGEST, "characters"),
    "a parameter": ("select $1", "arameter"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a published file of two marts, and a file that nobody may read."""
    folder = tmp_path_factory.mktemp("ask")
    with duckdb.connect(str(folder / "build.duckdb")) as connection:
        connection.execute(
            "create table daily_active as select x as dau, 'a' as segment "
            "from range(1, 4) as numbers(x);"
            "create table lifecycle as select 'new' as state union all select 'old';"
        )
        connection.execute(
            f"copy (select 1 as x) to '{folder}/day.parquet' (format parquet)"
        )
        connection.execute(
            f"create view events as select * from read_parquet('{folder}/day.parquet')"
        )
    (folder / "secret.txt").write_text(SECRET)
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
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
    sql = sql.replace("{secret}", str(place / "secret.txt"))
    sql = sql.replace("{folder}", str(place)).replace("{new}", str(place / "new"))
    with pytest.raises((rules.NotAllowedError, duckdb.Error)) as refusal:
        worker.run(request(place, sql))
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
    sql = sql.replace("{secret}", str(place / "secret.txt"))
    sql = sql.replace("{new}", str(place / "new"))
    with pytest.raises(duckdb.Error):
        worker.run(request(place, sql))


def test_what_is_refused_reaches_the_user_as_a_sentence(place: Path) -> None:
    with pytest.raises(rules.NotAllowedError, match="There is no mart 'events'"):
        ask(place, "from events")
    with pytest.raises(rules.NotAllowedError, match='"dua" not found'):
        ask(place, "select dua from daily_active")


def test_an_endless_query_is_stopped_when_its_time_is_up(place: Path) -> None:
    endless = "with recursive n as (select 1 as x union all select x + 1 from n)\n"
    with pytest.raises(rules.NotAllowedError, match="longer than 3 seconds"):
        ask(place, f"{endless} select count(*) from n", Limits(seconds=3))


def test_a_query_that_needs_too_much_memory_is_told_so(place: Path) -> None:
    hungry = "select list(range) from range(100_000_000)"
    with pytest.raises(rules.NotAllowedError, match="memory"):
        ask(place, hungry, Limits(seconds=60, memory_mb=128))


def test_long_answers_are_cut_and_said_to_be(place: Path) -> None:
    answer = ask(place, "from range(10_000_000)", Limits(seconds=20, rows=10))
    assert len(answer.rows) == 10
    assert answer.is_cut


def test_a_wide_answer_is_refused(place: Path) -> None:
    wide = "select repeat('x', 1_000_000) from range(100)"
    with pytest.raises(rules.NotAllowedError, match="larger than 5 MB"):
        ask(place, wide, Limits(seconds=20, answer_mb=5))


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
