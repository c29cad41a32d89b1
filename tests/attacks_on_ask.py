"""What was tried on the page Ask, and what each got: docs/attacks_on_ask.md.

    python -m tests.attacks_on_ask

writes the page anew; tests/python/test_ask.py says that it is what is got.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import duckdb

from dashboard.ask import process, rules
from dashboard.ask.process import Limits

PAGE = Path(__file__).resolve().parents[1] / "docs" / "attacks_on_ask.md"
SECRET = "what nobody may read"
USUAL = Limits(seconds=60)
LONGEST_SHOWN = 90  # characters

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
    "read a Parquet file of a mart": (
        "from read_parquet('{folder}/churn_labels/*.parquet')",
        "read_parquet",
    ),
    "read the events' files": ("from events", "no mart"),
    "call a table function that reads them": ("from funnel(['a', 'b'])", "builders"),
    "write a file": ("copy daily_active to '{new}'", "COPY"),
    "write a file in a with": (
        "with x as (copy daily_active to '{new}') select 1",
        "may only read",
    ),
    "overwrite a file": ("copy (select 1) to '{secret}'", "COPY"),
    "overwrite a Parquet file of a mart": (
        "with x as (copy (select 1) to '{folder}/churn_labels/day.parquet') select 1",
        "may only read",
    ),
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

# What is no read of something else, but too much of what is allowed.
TOO_MUCH = {
    "never end": (
        "with recursive n as (select 1 as x union all select x + 1 from n) "
        "select count(*) from n",
        Limits(seconds=3),
    ),
    "take the memory": (
        "select list(range) from range(100_000_000)",
        Limits(seconds=60, memory_mb=128),
    ),
    "give an answer that is too wide": (
        "select repeat('x', 1_000_000) from range(100)",
        Limits(seconds=60, answer_mb=5),
    ),
}


def make_place(folder: Path) -> None:
    """A published file of three marts, one by day; and a file that nobody may read."""
    (folder / "churn_labels").mkdir()
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
        labels = folder / "churn_labels" / "day.parquet"
        connection.execute(
            "copy (select 'u' || x as user_id, x = 1 as is_churned from range(2) as "
            f"numbers(x)) to '{labels}' (format parquet)"
        )
        connection.execute(
            f"create view churn_labels as select * from read_parquet('{labels}')"
        )
    named = {"events": ["day.parquet"], "churn_labels": [labels.name]}
    (folder / "build.json").write_text(json.dumps(named))
    (folder / "secret.txt").write_text(SECRET)


def filled_in(sql: str, folder: Path) -> str:
    """An attack that means the files of a folder."""
    sql = sql.replace("{secret}", str(folder / "secret.txt"))
    return sql.replace("{folder}", str(folder)).replace("{new}", str(folder / "new"))


def page() -> str:
    """The page, of what each attack gets now."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_place(folder)
        tried = [
            *((what, sql, USUAL) for what, (sql, _) in ATTACKS.items()),
            *((what, sql, limits) for what, (sql, limits) in TOO_MUCH.items()),
        ]
        rows = [
            f"| {what} | {_code(sql)} | {_text(_got(sql, limits, folder))} |"
            for what, sql, limits in tried
        ]
    return "\n".join([*HEAD, *rows]) + "\n"


HEAD = """# Attacks on Ask

What was tried on the SQL of the dashboard's page *Ask*. All of it was refused; what each
got is a sentence, here as far as its first stop. Made by
`python -m tests.attacks_on_ask`. `tests/python/test_ask.py` compares it with what is got
now, and that no file was changed or made. There the rules are switched off, too, and the
process alone refuses what reads, writes or attaches; and who asks while two others do is
told to wait.

| attack | SQL | answer |
| --- | --- | --- |""".splitlines()


def _got(sql: str, limits: Limits, folder: Path) -> str:
    try:
        process.run(str(folder / "build.duckdb"), filled_in(sql, folder), limits)
    except rules.NotAllowedError as refusal:
        return str(refusal).replace(str(folder), "")
    return "an answer"


def _code(sql: str) -> str:
    text = " ".join(sql.split()).replace("|", "\\|") or "(nothing)"
    return f"`{text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + ' ...'}`"


def _text(sentence: str) -> str:
    clause = re.split(r"[;.](?: |$)|\n", sentence)[0]
    return re.sub(r"([|<>*_`\\])", r"\\\1", clause)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
