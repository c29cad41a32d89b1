"""What earlier builds said of users is kept, taken over and held against what came."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.builds import NO_SEEDS, DbtRun, run_dbt

HORIZON = 7
FIRST, SECOND = date(2026, 3, 10), date(2026, 3, 20)
CHURN = {
    "horizon_days": HORIZON,
    "active_days": 14,
    "min_tenure_days": 7,
    "as_of_every_days": 7,
    "as_of_dates": 6,
}
# Fifty users, of whom a fifth each comes every day, every second, and so on, and a tenth
# stops for good on a day of its own.
EVENTS = """
    select
        'u' || cast(n as varchar) as user_id,
        'tap' as event_name,
        timestamp '2026-01-01' + d * interval 1 day + n * interval 1 minute as event_time
    from range(50) users(n), range(80) days(d)
    where (d + n) % (1 + n % 5) = 0
        and not (n % 10 = 7 and d > 30 + n)
"""


class History:
    """A warehouse that is built up to one day after another."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = folder / "warehouse"
        self.events = folder / "events.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"copy ({EVENTS}) to '{self.events}'")

    def build(
        self,
        as_of: date,
        *arguments: str,
        horizon: int = HORIZON,
        models: tuple[str, ...] = ("+churn_calibration",),
    ) -> DbtRun:
        build = run_dbt(
            self.warehouse,
            "run",
            "-s",
            *models,
            *arguments,
            variables=NO_SEEDS
            | {
                "events": str(self.events),
                "as_of_date": str(as_of),
                "churn": CHURN | {"horizon_days": horizon},
                "segments": [],
            },
        )
        assert build.returncode == 0, build.output
        return build

    def publish(self, *marts: str) -> None:
        """What a publishing build would leave of these marts, without the others."""
        folder = self.warehouse / "published"
        folder.mkdir(parents=True)
        with duckdb.connect(str(folder / "one.duckdb")) as connection:
            for mart in marts:
                build = self.warehouse / "build.duckdb"
                connection.execute(f"attach '{build}' as build (read_only)")
                connection.execute(f"create table {mart} as from build.marts.{mart}")
        pointer = {"file": "published/one.duckdb", "build": "one"}
        (self.warehouse / "current.json").write_text(json.dumps(pointer))


def rows(build: DbtRun, table: str = "churn_score_history") -> list[tuple]:
    return build.query(f"from marts.{table} order by as_of_date, user_id")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def first(history: History) -> tuple[list[tuple], list[tuple], int]:
    """History and outcomes after the first build, and how many users it scored.

    What is published at that time is from before there was a history.
    """
    history.publish()
    build = history.build(FIRST)
    [(scored,)] = build.query("select count(*) from marts.churn_scores")
    return rows(build), rows(build, "churn_score_outcomes"), scored


@pytest.fixture(scope="module")
def second(history: History, first: object) -> DbtRun:
    """The build of ten days later, with another horizon, on the same warehouse."""
    return history.build(SECOND, horizon=HORIZON + 1)


def test_a_first_build_remembers_what_it_says_and_knows_no_outcome(first):
    said, outcomes, scored = first
    assert len(said) == scored > 40
    assert {row[-1] for row in said} == {FIRST}
    assert outcomes == []


def test_a_later_build_keeps_what_was_said_and_adds_to_it(first, second):
    said, _, _ = first
    both = rows(second)
    assert both[: len(said)] == said
    assert {row[-1] for row in both[len(said) :]} == {SECOND}
    horizons = second.query("""
        select as_of_date, min(horizon_days), max(horizon_days)
        from marts.churn_score_history group by all order by all
    """)
    assert horizons == [
        (FIRST, HORIZON, HORIZON),
        (SECOND, HORIZON + 1, HORIZON + 1),
    ]


def test_outcomes_are_those_of_the_events_after_the_horizon_of_the_score(
    first, second, history
):
    said, _, _ = first
    end = FIRST + timedelta(days=HORIZON)
    found = second.query("""
        select user_id, is_churned, days_to_return, churn_probability, label_end_date
        from marts.churn_score_outcomes order by user_id
    """)
    assert [row[0] for row in found] == [row[0] for row in said]
    with duckdb.connect() as connection:
        returns = dict(
            connection.execute(
                f"""
                select user_id, min(event_time::date) from '{history.events}'
                where event_time::date > ? and event_time::date <= ?
                group by user_id
                """,
                [FIRST, end],
            ).fetchall()
        )
    for user, is_churned, days, probability, label_end in found:
        assert is_churned == (user not in returns)
        assert days == ((returns[user] - FIRST).days if user in returns else None)
        assert probability == {row[0]: row[3] for row in said}[user]
        assert label_end == end
    assert 0 < sum(row[1] for row in found) < len(found)


def test_outcomes_are_a_split_of_the_calibration(second):
    [(binned,)] = second.query(
        "select sum(rows) from marts.churn_calibration where split = 'earlier scores'"
    )
    [(known,)] = second.query("select count(*) from marts.churn_score_outcomes")
    assert binned == known > 0


@pytest.mark.parametrize("arguments", [[], ["--full-refresh"]])
def test_the_same_scores_again_change_nothing(history, second, arguments):
    said, outcomes = rows(second), rows(second, "churn_score_outcomes")
    models = ("churn_score_history", "churn_score_outcomes")
    again = history.build(SECOND, *arguments, horizon=HORIZON + 1, models=models)
    assert rows(again) == said
    assert rows(again, "churn_score_outcomes") == outcomes


def test_a_lost_build_database_takes_the_history_over_from_the_published_file(
    history, second, tmp_path
):
    copy = History(tmp_path)
    shutil.copytree(history.warehouse, copy.warehouse)
    shutil.rmtree(copy.warehouse / "published")
    copy.publish("churn_score_history")
    (copy.warehouse / "build.duckdb").unlink()
    again = copy.build(SECOND, horizon=HORIZON + 1)
    assert rows(again) == rows(second)
    assert rows(again, "churn_score_outcomes") == rows(second, "churn_score_outcomes")


def test_another_model_for_the_same_day_leaves_what_was_said_first(history, second):
    said = rows(second)
    build = history.build(SECOND, horizon=HORIZON - 2)
    changed = build.query("""
        select
            as_of_date,
            count(*) filter (first_model_version = last_model_version),
            count(*)
        from marts.churn_score_history group by all order by all
    """)
    assert changed[0][1] == changed[0][2]
    assert changed[1][1] == 0 < changed[1][2]
    assert [row[:5] for row in rows(build)] == [row[:5] for row in said]
