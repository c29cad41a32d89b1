"""Tests of a build look at what has changed since all passed, and miss nothing by it.

A small project of the same macros, core and marts by day, in which a command takes a few
seconds. Rows are made wrong by hand, as no model makes wrong ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.builds import NO_SEEDS, PROJECT, DbtRun, published_state, run_dbt
from tests.reliability.projects import Builder, make_small_project

DAYS = 60
MARTS = ["daily_active", "feature_usage", "lifecycle", "stickiness"]
TRAILING = "assert_trailing_actives_equal_a_direct_count"
ASSERTIONS = [
    TRAILING,
    "assert_daily_active_equals_events",
    "assert_feature_usage_equals_events",
    "assert_stickiness_equals_user_days",
]
UNIQUE = [
    "unique_fct_events_event_id",
    "unique_combination_fct_user_days_user_id__activity_date",
    "unique_combination_fct_known_event_days_user_id__event_name__activity_date",
]
# On both u6 stays away.
AN_OLD_DAY = "2024-01-02"
ANOTHER_DAY = "2024-02-20"
WRONG = {
    "a user too many": "update marts.daily_active set mau = mau + 1 "
    "where segment = 'all' and activity_date = '{day}'",
    "a user day too few": "delete from core.fct_user_days "
    "where activity_date = '{day}' and user_id = 'u0'",
    "an event twice": "insert into core.fct_events from core.fct_events "
    "where event_date = '{day}' and user_id = 'u0'",
    "a user day twice": "insert into core.fct_user_days from core.fct_user_days "
    "where activity_date = '{day}' and user_id = 'u0'",
    "an event day twice": "insert into core.fct_known_event_days "
    "from core.fct_known_event_days where activity_date = '{day}' and user_id = 'u0'",
}


class Small(Builder):
    """The small project on a warehouse folder, of one event a day of each of 7 users."""

    def __init__(self, project: Path, warehouse: Path) -> None:
        variables = {"events": str(warehouse.parent / "*.parquet"), "segments": []}
        super().__init__(project, warehouse, NO_SEEDS | variables)

    def write_events(self, name: str, where: str, user: str = "'u' || user") -> None:
        with duckdb.connect() as connection:
            connection.execute(
                f"""
                copy (
                    select
                        '{name}' || day || '-' || user as event_id,
                        {user} as user_id,
                        'tap' as event_name,
                        timestamp '2024-01-01' + day * interval 1 day
                        + user * interval 1 hour as event_time
                    from range({DAYS}) days(day), range(7) users(user)
                    where {where}
                ) to '{self.warehouse.parent / name}.parquet'
                """
            )

    def a_late_event(self, day: str) -> None:
        """Of somebody who did not come that day."""
        days = f"day = date '{day}' - date '2024-01-01' and user = 0"
        self.write_events("late", days, "'u6'")

    def command(self, name: str, *nodes: str) -> DbtRun:
        """A dbt command on some nodes."""
        folder = ["--project-dir", str(self.project), "--profiles-dir", str(PROJECT)]
        return run_dbt(
            self.warehouse, name, "-s", *nodes, *folder, variables=self.variables
        )

    def execute(self, statement: str) -> None:
        with duckdb.connect(str(self.warehouse / "build.duckdb")) as connection:
            connection.execute(statement)

    def make_wrong(self, what: str, day: str) -> None:
        self.execute(WRONG[what].format(day=day))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A published build."""
    folder = tmp_path_factory.mktemp("small") / "made"
    project = make_small_project(folder / "project")
    marts = project / "models" / "marts" / "engagement"
    marts.mkdir()
    source = PROJECT / "models" / "marts" / "engagement"
    for name in MARTS:
        shutil.copy(source / f"{name}.sql", marts)
    described = yaml.safe_load((source / "_engagement__models.yml").read_text())
    kept = [model for model in described["models"] if model["name"] in MARTS]
    (marts / "_engagement__models.yml").write_text(yaml.safe_dump({"models": kept}))
    for name in ASSERTIONS:
        shutil.copy(
            PROJECT / "tests" / "assertions" / f"{name}.sql",
            project / "tests" / "assertions",
        )
    small = Small(project, folder / "warehouse")
    small.warehouse.mkdir()
    # Nobody comes more often than others, and each stays away on some days.
    small.write_events("events", "(day + user) % 7 > 0")
    run = small.build()
    assert run.returncode == 0, run.output
    return small


@pytest.fixture
def small(made: Small) -> Iterator[Small]:
    """The published build, which is as it was again after a test."""
    folder = made.warehouse.parent
    kept = folder.with_name("kept")
    if not kept.exists():
        shutil.copytree(folder, kept, symlinks=True)
    yield Small(made.project, made.warehouse)
    shutil.rmtree(folder)
    shutil.copytree(kept, folder, symlinks=True)


def failed(run: DbtRun) -> set[str]:
    """The tests that failed."""
    words = [line.split() for line in run.output.splitlines()]
    names = {line[line.index("FAIL") + 2] for line in words if "FAIL" in line}
    assert bool(names) == (run.returncode != 0), run.output
    return names


def test_a_wrong_row_is_found_where_something_has_changed(small: Small) -> None:
    """Facts that know of a late event beside marts that do not."""
    small.a_late_event(AN_OLD_DAY)
    run = small.command("run", "+fct_user_days")
    assert run.returncode == 0, run.output
    assert failed(small.command("build", *ASSERTIONS)) == {*ASSERTIONS}


def test_a_wrong_row_of_a_mart_is_found_on_any_day(small: Small) -> None:
    small.make_wrong("a user too many", AN_OLD_DAY)
    assert failed(small.command("build", *ASSERTIONS)) == {TRAILING}


def test_a_repeated_key_is_found_on_any_day_by_dbt_test_alone(small: Small) -> None:
    for twice in ("an event twice", "a user day twice", "an event day twice"):
        small.make_wrong(twice, AN_OLD_DAY)
    assert failed(small.command("build", *UNIQUE)) == set()
    assert failed(small.command("test", *UNIQUE)) == {*UNIQUE}


def test_what_a_failed_build_has_changed_is_looked_at_by_the_next(small: Small) -> None:
    before = published_state(small.warehouse)
    small.make_wrong("an event twice", ANOTHER_DAY)
    small.a_late_event(ANOTHER_DAY)
    first = failed(small.build())
    assert "unique_fct_events_event_id" in first
    assert failed(small.build()) == first
    assert published_state(small.warehouse) == before
    small.execute(
        "delete from core.fct_events where rowid in (select max(rowid) "
        "from core.fct_events group by event_id having count(*) > 1)"
    )
    assert failed(small.build()) == set()
    assert published_state(small.warehouse) != before
    small.make_wrong("an event twice", ANOTHER_DAY)
    assert failed(small.command("build", *UNIQUE)) == set()


def another_var(small: Small) -> None:
    small.variables["confidence_level_z"] = 1.64


def an_edited_model(small: Small) -> None:
    append(small.project / "models" / "marts" / "engagement" / "lifecycle.sql")


def an_edited_assertion(small: Small) -> None:
    append(small.project / "tests" / "assertions" / f"{TRAILING}.sql")


def an_unknown_past(small: Small) -> None:
    small.execute("delete from incremental.definitions where fact = 'tests'")


@pytest.mark.parametrize(
    "change", [another_var, an_edited_model, an_edited_assertion, an_unknown_past]
)
def test_all_days_are_looked_at_after(
    change: Callable[[Small], None], small: Small
) -> None:
    small.make_wrong("a user day too few", AN_OLD_DAY)
    assert failed(small.command("build", TRAILING)) == set()
    change(small)
    assert failed(small.command("build", TRAILING)) == {TRAILING}


def test_what_only_warns_is_looked_at_by_every_build(small: Small) -> None:
    assertion = small.project / "tests" / "assertions" / f"{TRAILING}.sql"
    append(assertion, "{{ config(severity='warn') }}")
    assert failed(small.build()) == set()
    small.make_wrong("a user day too few", AN_OLD_DAY)
    run = small.command("build", TRAILING)
    assert failed(run) == set()
    assert "WARN=1" in run.output


def append(path: Path, line: str = "-- Edited.") -> None:
    path.write_text(f"{path.read_text()}\n{line}\n")
