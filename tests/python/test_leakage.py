"""Nothing that comes later changes what was known: the churn features are the same when
everything after their date is taken away, and a feature that peeks is caught.
"""

from __future__ import annotations

import csv
import random
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.builds import PROJECT, DbtRun, run_dbt

FEATURES = ("user_features", "user_event_usage")
Row = dict[str, str]
Tables = dict[str, list[Row]]

# The table and its column that says when a row came to be known.
KNOWN_FROM = {
    "events": ["event_time"],
    "users": ["signed_up_at", "valid_from"],
    "sessions": ["started_at"],
}


def cut(tables: Tables, as_of_at: datetime) -> Tables:
    """The rows that were there before an instant; one without a time always was."""

    def was_there(row: Row, columns: list[str]) -> bool:
        return all(
            at is None or at < as_of_at
            for at in (parsed(row.get(column, "")) for column in columns)
        )

    return {
        name: [row for row in rows if was_there(row, KNOWN_FROM[name])]
        for name, rows in tables.items()
    }


def parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def write(folder: Path, tables: Tables) -> dict[str, str]:
    """A CSV per table; the vars that name them."""
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        with open(folder / f"{name}.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return {name: str(folder / f"{name}.csv") for name in tables}


def differences(full: DbtRun, truncated: DbtRun, as_of_date: date) -> dict[str, int]:
    """Rows up to an as_of_date that only one of two builds has, by table."""
    with duckdb.connect() as connection:
        for name, build in {"whole": full, "part": truncated}.items():
            connection.execute(
                f"attach '{build.warehouse / 'build.duckdb'}' as {name} (read_only)"
            )
        found = {}
        for table in FEATURES:
            whole, part = (
                f"(from {build}.marts.{table} where as_of_date <= '{as_of_date}')"
                for build in ("whole", "part")
            )
            [(rows, newest, different)] = connection.execute(f"""
                select
                    (select count(*) from {part}),
                    (select max(as_of_date) from {part}),
                    (
                        select count(*) from (
                            ({whole} except all {part}) union all
                            ({part} except all {whole})
                        )
                    )
            """).fetchall()
            assert rows
            assert newest == as_of_date
            found[table] = different
    return found


def seed_rows(name: str) -> list[Row]:
    with open(PROJECT / "seeds" / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_features_of_the_seeds_are_the_same_without_what_came_later(
    seeds_build: DbtRun, tmp_path: Path
) -> None:
    [(as_of_date, as_of_at)] = seeds_build.query("""
        select as_of_date, as_of_at from marts.as_of_dates
        where is_closed order by as_of_date desc limit 1 offset 2
    """)
    tables = {name: seed_rows(name) for name in KNOWN_FROM}
    inputs = write(tmp_path / "inputs", cut(tables, as_of_at))
    truncated = run_dbt(
        tmp_path / "warehouse",
        "run",
        "-s",
        "+user_features",
        variables={
            **inputs,
            "excluded_users": str(PROJECT / "seeds" / "excluded_users.csv"),
            "as_of_date": f"{as_of_date}",
        },
    )
    assert truncated.returncode == 0, truncated.output
    assert differences(seeds_build, truncated, as_of_date) == dict.fromkeys(FEATURES, 0)


# A small product in which everything happens that could make the past look different
# afterwards: devices of several people, visits before a sign-up or a login, sessions that a
# visit of somebody unknown bridges, plans that change, people who leave and come back.

ZONE = "Europe/Paris"
FIRST_DAY = date(2024, 3, 4)
DAYS = 42  # the night of 30 to 31 March has an hour less
CUT_AFTER = FIRST_DAY + timedelta(days=26)
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 2)
SMALL_VARS: dict[str, Any] = {
    "reporting_timezone": ZONE,
    "sessions": "none",
    "excluded_users": "none",
    "passive_events": ["reminded"],
    "segments": ["plan", "source"],
    "activation": {"event": "tried", "count": 2, "within_days": 5},
    "funnels": [{"name": "f", "steps": [{"name": "s", "event": "tried"}]}],
    "churn": {
        "horizon_days": 5,
        "active_days": 10,
        "min_tenure_days": 3,
        "as_of_every_days": 1,
        "as_of_dates": DAYS,
        "leaving_events": ["cancelled"],
    },
}


def day_end(day: date) -> datetime:
    """The first instant after a day, in UTC and without a zone, as the tables have it."""
    after = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(ZONE))
    return after.astimezone(UTC).replace(tzinfo=None)


def small_product(seed: int, people: int = 60) -> Tables:
    draw = random.Random(seed)
    start = datetime.combine(FIRST_DAY, time())

    def moment(earliest: float, latest: float = DAYS) -> datetime:
        seconds = int(draw.uniform(earliest, latest) * 86400)
        return start + timedelta(seconds=seconds)

    users, events = [], []
    for number in range(people):
        user_id = f"u{number:02}"
        joined = draw.uniform(0, 30)
        for version in range(draw.choice([1, 1, 2, 3])):
            since = "" if version == 0 and number % 3 else f"{moment(joined)}"
            users.append(
                {
                    "user_id": user_id,
                    "signed_up_at": f"{start + timedelta(days=joined)}",
                    "valid_from": since,
                    "plan": draw.choice(["free", "pro", "team", ""]),
                }
            )
        for _ in range(draw.randrange(4, 14)):
            at = moment(max(0, joined - 3))
            # One device in four is shared; a browser is new now and then.
            device = f"d{number if draw.random() < 0.75 else draw.randrange(6)}"
            is_logged_in = draw.random() < 0.6
            session_id = f"{at}" if draw.random() < 0.4 else ""
            for _ in range(draw.randrange(1, 5)):
                at += timedelta(minutes=draw.choice([0, 5, 29, 30, 31]))
                is_logged_in = is_logged_in or draw.random() < 0.1
                name = draw.choices(
                    ["opened", "tried", "reminded", "cancelled"], [12, 6, 3, 0.4]
                )[0]
                events.append(
                    {
                        "event_id": f"e{len(events):05}",
                        "user_id": user_id if is_logged_in else "",
                        "anonymous_id": device if draw.random() < 0.9 else "",
                        "session_id": session_id,
                        "event_name": name,
                        "event_time": f"{at}",
                        "source": draw.choice(["", "", "ad", "friend"]),
                    }
                )
    return {"events": events, "users": users}


@pytest.fixture(scope="module")
def build_small(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """`build_small(tables)`: features of them all, and of those up to CUT_AFTER."""

    def build(
        tables: Tables, project: Path = PROJECT, **variables: Any
    ) -> list[DbtRun]:
        folder = tmp_path_factory.mktemp("small")

        def run(day: date) -> DbtRun:
            rows = cut(tables, day_end(day)) if day == CUT_AFTER else tables
            given = write(folder / f"{day} inputs", rows) | {"as_of_date": f"{day}"}
            return run_dbt(
                folder / f"{day}",
                "run",
                "-s",
                "+user_features",
                variables=SMALL_VARS | given | variables,
                project=project,
            )

        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(run, [LAST_DAY, CUT_AFTER]))
        for done in runs:
            assert done.returncode == 0, done.output
        return runs

    return build


@pytest.mark.parametrize("users", ["given", "none"])
def test_features_of_a_muddle_are_the_same_without_what_came_later(
    build_small: Callable[..., list[DbtRun]], users: str
) -> None:
    tables = small_product(seed=1)
    variables = {}
    if users == "none":
        tables.pop("users")
        variables = {"users": "none"}
    whole, part = build_small(tables, **variables)
    # The muddle is one: attribution in hindsight differs, and somebody has left.
    [(hindsight, left, unknown_segments)] = whole.query("""
        select
            (
                select count(*) from core.fct_events
                where known_user_id <> user_id or known_at > event_time
            ),
            (select count(left_at) from core.dim_known_users),
            (
                select count(*) from marts.user_features
                where json_extract_string(segments, '$.source') is null
            )
    """)
    assert hindsight > 50
    assert left > 5
    assert unknown_segments > 5
    assert differences(whole, part, CUT_AFTER) == dict.fromkeys(FEATURES, 0)


# The drill: copies of the project in which a feature peeks.

MACRO = "macros/metrics/user_features_as_of.sql"
UP_TO = "on user_days.activity_date <= as_of_dates.as_of_date"
A_WEEK_ON = "on user_days.activity_date <= {{ add_days('as_of_dates.as_of_date', 7) }}"
NEXT_WEEK = """(
            select count(*) from {{ user_days }} as next_days
            where next_days.user_id = windows.user_id
                and next_days.activity_date > windows.as_of_date
                and next_days.activity_date <= {{ add_days('windows.as_of_date', 7) }}
        ) as active_days_next_7,
        windows.mean_gap_days,"""
IN_THE_CONTRACT = """      - name: active_days_next_7
        data_type: bigint
        description: Looks useful.
      - name: mean_gap_days
"""
TRUNCATION = "assert_features_are_the_same_without_what_came_later"
# What is written instead of what, in which file; and the tests that say so, at least.
PEEKS: dict[str, tuple[list[tuple[str, str, str]], set[str]]] = {
    "a window that reaches a week too far": (
        [(MACRO, UP_TO, A_WEEK_ON)],
        {
            TRUNCATION,
            "assert_no_feature_reads_past_its_as_of",
            "assert_features_equal_the_events_before",
            "features_end_with_the_as_of_date",
        },
    ),
    "a column of the next week, well described": (
        [
            (MACRO, "windows.mean_gap_days,", NEXT_WEEK),
            (
                "models/marts/churn/features/_features__models.yml",
                "      - name: mean_gap_days\n",
                IN_THE_CONTRACT,
            ),
        ],
        {TRUNCATION},
    ),
    "an activation that is still to come": (
        [
            (
                MACRO,
                "users.activated_at < windows.as_of_at",
                "users.user_id is not null",
            ),
        ],
        {TRUNCATION, "features_end_with_the_as_of_date"},
    ),
    "a segment that is still to be known": (
        [(MACRO, "{{ user_versions }}.valid_from < {{ at }}", "true")],
        {"a_segment_is_what_was_known_of_it_at_the_end_of_the_day"},
    ),
    "users who have left": (
        [(MACRO, "{{ users }}.left_at >= {{ at }}", "true")],
        {"who_has_not_signed_up_or_has_left_by_the_end_of_the_day_has_no_features"},
    ),
}


def project_with(folder: Path, changes: list[tuple[str, str, str]]) -> Path:
    """A copy of the project in which some text stands instead of another."""
    left_out = shutil.ignore_patterns(
        ".*", "warehouse", "target", "logs", "docs", "dashboard", "__pycache__"
    )
    project = shutil.copytree(PROJECT, folder / "project", ignore=left_out)
    for path, old, new in changes:
        text = (project / path).read_text()
        assert old in text, f"{path} has no {old!r} any more"
        (project / path).write_text(text.replace(old, new))
    return project


@pytest.fixture(scope="module")
def caught(
    seeds_build: DbtRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], set[str]]]:
    """`caught(peek)`: the tests that fail in a build of features that peek so."""
    folder = tmp_path_factory.mktemp("drill")

    def build(peek: str) -> set[str]:
        place = folder / f"{list(PEEKS).index(peek)}"
        project = project_with(place, PEEKS[peek][0])
        (place / "warehouse").mkdir()
        shutil.copy(seeds_build.warehouse / "build.duckdb", place / "warehouse")
        # Not one `dbt build`: it would stop at a unit test, before the model is built.
        made, run = (
            run_dbt(
                place / "warehouse", command, "-s", "user_features", project=project
            )
            for command in ("run", "test")
        )
        assert made.returncode == 0, made.output
        assert run.returncode == 1, run.output
        return set(re.findall(r"in (?:unit_)?test (\w+)", run.output))

    with ThreadPoolExecutor(2) as pool:
        jobs = {peek: pool.submit(build, peek) for peek in PEEKS}
        yield lambda peek: jobs[peek].result()


@pytest.mark.parametrize("peek", PEEKS)
def test_a_feature_that_peeks_is_caught(
    peek: str, caught: Callable[[str], set[str]]
) -> None:
    assert caught(peek) >= PEEKS[peek][1]


def test_identity_in_hindsight_is_caught_by_truncation(
    build_small: Callable[..., list[DbtRun]], tmp_path: Path
) -> None:
    hindsight = [
        (f"models/core/{model}.sql", old, new)
        for model, old, new in [
            ("fct_known_user_days", "known_user_id as user_id", "user_id"),
            ("fct_known_user_days", "where known_at = event_time", "where true"),
            ("fct_known_event_days", "known_user_id as user_id", "user_id"),
            ("fct_known_event_days", "and known_at = event_time", ""),
            ("fct_known_event_days", "group by known_user_id", "group by user_id"),
        ]
    ]
    project = project_with(tmp_path, hindsight)
    whole, part = build_small(small_product(seed=1), project=project)
    found = differences(whole, part, CUT_AFTER)
    assert found["user_features"] > 0
    assert found["user_event_usage"] > 0
