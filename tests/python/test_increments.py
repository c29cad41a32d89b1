"""Builds that only change what has changed end as a build of everything does.

A small product's events come in batches with all that real ones have: late, doubled,
corrected and deleted events, new links of anonymous ids, users who change, are new or are
left out, and definitions that change. After each batch the facts are compared, row by row,
with those of a warehouse made from nothing; at the end all marts are.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.builds import PROJECT, differences

FACTS = [
    "path:models/staging",
    "path:models/core",
    "funnel_attempts",
    "as_of_dates",
    "user_event_usage",
    "user_features",
    "churn_labels",
    "path_transitions",
    "feature_usage",
    "feature_breadth",
    "lifecycle",
    "daily_active",
    "stickiness",
]
PERIOD_MARTS = {
    "path_transitions": ("transitions", "period_start"),
    "feature_usage": ("users", "period_start"),
    "feature_breadth": ("users", "period_start"),
    "lifecycle": ("active_users", "period_start"),
    "daily_active": ("events", "activity_date"),
    "stickiness": ("users_exact", "as_of_date"),
}
HAVE_KINDS_OF_PERIODS = {"feature_usage", "feature_breadth", "lifecycle"}
DATE_MARTS = {
    "user_event_usage": "events_28",
    "user_features": "tenure_days",
    "churn_labels": "days_observed",
}
# Of each its day, and what no row is like that a build has made.
MARKED_FACTS = {
    "fct_events": ("event_date", "received_at = timestamp '1999-01-01'"),
    "fct_sessions": ("start_date", "duration_seconds = -1"),
    "fct_user_days": ("activity_date", "distinct_event_count = -1"),
    "fct_known_event_days": ("activity_date", "event_count = -1"),
}
MARTS = ["path:models"]
BATCHES = 12
FIRST_DAY = date(2026, 1, 1)
START_DAYS = 70
RECENT_DAYS = 10
LOOKBACK_DAYS = 3
NAMES = ["open", "edit", "share", "buy", "reminder"]

# Builds warehouses one after the other, as a line of JSON asks for; most of a command is
# its start.
BUILDER = """
import json, os, sys
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
manifest = None
for line in sys.stdin:
    asked = json.loads(line)
    os.environ["WAREHOUSE_DIR"] = asked["warehouse"]
    given = ["--vars", json.dumps(asked["variables"])]
    manifest = manifest or dbtRunner().invoke(["parse", *given]).result
    done = dbtRunner(manifest=manifest).invoke(["run", "-s", *asked["select"], *given])
    DuckDBConnectionManager.close_all_connections()
    print("succeeded" if done.success else "failed", flush=True)
"""


@dataclass
class Product:
    """The product's tables as they are now, and what a batch may do to them."""

    chance: random.Random
    with_ids: bool
    events: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    excluded: dict[str, datetime | None] = field(default_factory=dict)
    days: int = 0
    oldest_day: int = 0
    changed_days: set[date] = field(default_factory=set)
    made: int = 0
    variables: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        for number in range(25):
            self.users[f"u{number}"] = self.user(self.chance.randrange(START_DAYS))
        for _ in range(START_DAYS):
            self.a_new_day()

    def user(self, day: int) -> dict[str, Any]:
        return {
            "signed_up_at": datetime(2026, 1, 1) + timedelta(days=day, hours=7),
            "plan": self.chance.choice(["free", "pro"]),
        }

    def event(self, day: int) -> dict[str, Any]:
        """An event of a user, of somebody anonymous, or (a link) of both.

        Some carry a session's id, which others of that fortnight carry too.
        """
        self.made += 1
        at = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(
            days=day, minutes=self.chance.randrange(24 * 60)
        )
        who = self.chance.random()
        user = self.chance.choice([*self.users, "nobody"]) if who < 0.75 else None
        anonymous = f"a{self.chance.randrange(15)}" if not 0.03 < who < 0.75 else None
        return {
            "event_id": f"e{self.made}" if self.with_ids else None,
            "user_id": user,
            "anonymous_id": anonymous,
            "session_id": self.chance.choice([*[None] * 30, f"s{day // 15}"]),
            "event_name": self.chance.choice(NAMES),
            "event_time": str(at),
            "received_at": str(at + timedelta(minutes=self.chance.randrange(-1, 90))),
            "amount": self.chance.choice([None, 1, 2]),
        }

    def visit(self, day: int) -> list[dict[str, Any]]:
        """A few events of somebody in a row, often from before midnight."""
        event = self.event(day)
        at = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day)
        if self.chance.random() < 0.4:
            at -= timedelta(minutes=self.chance.randrange(40))
        else:
            at += timedelta(minutes=self.chance.randrange(20 * 60))
        events = []
        for _ in range(self.chance.randrange(1, 6)):
            also = self.event(day)
            events.append(
                {
                    **event,
                    **{name: also[name] for name in ("event_id", "event_name")},
                    "event_time": str(at),
                    "received_at": str(at),
                }
            )
            at += timedelta(minutes=self.chance.randrange(35))
        return events

    def some(self, recent: bool | None = None) -> list[dict[str, Any]]:
        """A few events: of the days that are read again, of older ones, or of any."""
        oldest = str(FIRST_DAY + timedelta(days=self.oldest_day))
        bound = str(FIRST_DAY + timedelta(days=self.days - LOOKBACK_DAYS))
        found = [
            event
            for event in self.events
            if event["event_time"] >= oldest
            and (recent is None or (event["event_time"] >= bound) == recent)
        ]
        return self.chance.sample(found, min(len(found), 5))

    def a_new_day(self) -> None:
        for _ in range(4):
            self.events += self.visit(self.days)
        self.days += 1

    def a_break(self) -> None:
        self.days += self.chance.randint(1, 16)

    def a_day_of_known_users(self, day: int | None = None) -> list[dict[str, Any]]:
        visits = [self.visit(self.days if day is None else day) for _ in range(20)]
        return [
            event
            for visit in visits
            for event in visit
            if event["anonymous_id"] is None
            and event["user_id"] in self.users
            and event["session_id"] is None
        ]

    def a_day(self) -> int:
        return self.chance.randrange(self.oldest_day, self.days)

    def late_events(self) -> None:
        self.events += [self.event(self.a_day()) for _ in range(4)]

    def events_again(self) -> None:
        """Of an id that is there, received later, with other content or another time."""
        for event in self.some():
            again = {**event, "received_at": str(datetime(2026, 12, 1)), "amount": 9}
            if self.chance.random() < 0.5:
                again["event_time"] = self.event(self.days - 1)["event_time"]
            self.events.append(again)

    def identical_rows(self) -> None:
        self.events += [dict(event) for event in self.some()]

    def recent_corrections(self) -> None:
        for event in self.some(recent=True):
            event["event_name"] = self.chance.choice(NAMES)
            event["amount"] = 5

    def old_corrections(self) -> None:
        for event in self.some(recent=False):
            event["event_name"] = self.chance.choice(NAMES)
            self.changed_days.add(datetime.fromisoformat(event["event_time"]).date())

    def other_times(self) -> None:
        for event in self.some():
            event["event_time"] = self.event(self.a_day())["event_time"]

    def deletions(self) -> None:
        for event in self.some():
            self.events.remove(event)

    def unreadable_times(self) -> None:
        self.events += [
            {**self.event(self.days - 1), "event_time": text} for text in ("soon", "")
        ]

    def links(self) -> None:
        for _ in range(2):
            self.events.append(
                {
                    **self.event(self.days - 1),
                    "user_id": self.chance.choice([*self.users]),
                    "anonymous_id": f"a{self.chance.randrange(15)}",
                }
            )

    def other_users(self) -> None:
        gone, changed = self.chance.sample([*self.users], 2)
        del self.users[gone]
        self.users[changed] = self.user(self.chance.randrange(self.days))
        self.users[f"u{self.chance.randrange(100, 200)}"] = self.user(self.days - 1)

    def another_segment(self) -> None:
        """Of whoever is the newest, as is usual where a trial ends."""
        self.users[[*self.users][-1]]["plan"] = self.chance.choice(["free", "pro"])

    def another_sign_up(self) -> None:
        """What is said of a user on any date may hang on it, and no event changes."""
        user = self.chance.choice([*self.users])
        self.users[user]["signed_up_at"] -= timedelta(days=1)

    def other_exclusions(self) -> None:
        if self.excluded and self.chance.random() < 0.5:
            self.excluded.popitem()
        user = self.chance.choice([*self.users])
        self.excluded[user] = self.chance.choice([None, datetime(2026, 1, 10)])

    def another_funnel(self) -> None:
        self.variables["funnels"] = funnels(self.chance.choice(["share", "reminder"]))

    def another_timeout(self) -> None:
        self.variables["session_timeout_minutes"] = self.chance.choice([20, 45, 60])

    def another_activity(self) -> None:
        self.variables["passive_events"] = self.chance.choice([[], ["reminder"]])

    def nothing(self) -> None:
        pass

    def batch(self) -> list[str]:
        """Does some of it, to events of any day or of the newest, and says what."""
        self.changed_days.clear()
        is_recent = self.chance.random() < 0.5
        self.oldest_day = self.days - RECENT_DAYS if is_recent else 0
        done: list[Callable[[], None]] = self.chance.sample(
            RECENT_CHANGES if is_recent else CHANGES, 5
        )
        for change in done:
            change(self)
        return [change.__name__ for change in done]

    def write(self, folder: Path) -> dict[str, Any]:
        """Writes the tables as files; gives the vars of a build of them."""
        for name, rows, columns in (
            ("events", self.events, {**dict.fromkeys(EVENT_COLUMNS, "varchar")}),
            (
                "users",
                [{"user_id": user, **row} for user, row in self.users.items()],
                {"user_id": "varchar", "signed_up_at": "timestamp", "plan": "varchar"},
            ),
            (
                "excluded",
                [{"user_id": u, "valid_from": at} for u, at in self.excluded.items()],
                {"user_id": "varchar", "valid_from": "timestamp"},
            ),
        ):
            write_table(folder / f"{name}.parquet", rows, columns)
        return {
            "events": str(folder / "events.parquet"),
            "users": str(folder / "users.parquet"),
            "excluded_users": str(folder / "excluded.parquet"),
            "lookback_days": LOOKBACK_DAYS,
            "changed_days": sorted(map(str, self.changed_days)),
            **self.variables,
        }


EVENT_COLUMNS = [
    "event_id",
    "user_id",
    "anonymous_id",
    "session_id",
    "event_name",
    "event_time",
    "received_at",
    "amount",
]
RECENT_CHANGES = [
    Product.a_new_day,
    Product.a_break,
    Product.late_events,
    Product.events_again,
    Product.identical_rows,
    Product.recent_corrections,
    Product.old_corrections,
    Product.other_times,
    Product.deletions,
    Product.unreadable_times,
    Product.another_segment,
    Product.another_sign_up,
    Product.nothing,
]
CHANGES = [
    *RECENT_CHANGES,
    Product.links,
    Product.other_users,
    Product.other_exclusions,
    Product.another_funnel,
    Product.another_timeout,
    Product.another_activity,
]


def funnels(third: str) -> list[dict[str, Any]]:
    return [
        {
            "name": "kept",
            "window_days": 5,
            "steps": [{"name": n, "event": n} for n in ("open", "edit")],
        },
        {
            "name": "changing",
            "window_days": 3,
            "order": "unordered",
            "steps": [{"name": n, "event": n} for n in ("open", third)],
        },
        {
            "name": "by session",
            "count_by": "session",
            "steps": [{"name": n, "event": n} for n in ("open", "buy")],
        },
        {
            "name": "of a plan",
            "user_where": {"property": "plan", "value": "pro"},
            "steps": [{"name": n, "event": n} for n in ("edit", "buy")],
        },
    ]


def write_table(
    path: Path, rows: list[dict[str, Any]], columns: dict[str, str]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"create table t ({', '.join(f'{n} {t}' for n, t in columns.items())})"
        )
        if rows:
            connection.executemany(
                f"insert into t values ({', '.join('?' * len(columns))})",
                [[row[name] for name in columns] for row in rows],
            )
        connection.execute(f"copy t to '{path}' (format parquet)")


class Builder:
    """A process that builds warehouses."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BUILDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env={
                **os.environ,
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
            },
        )

    def build(
        self, warehouse: Path, variables: dict[str, Any], select: list[str]
    ) -> str:
        """Runs models; gives what dbt printed."""
        assert self.process.stdin
        assert self.process.stdout
        asked = {
            "warehouse": str(warehouse),
            "variables": variables,
            "select": select,
        }
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        output = []
        for line in self.process.stdout:
            if line in ("succeeded\n", "failed\n"):
                assert line == "succeeded\n", "".join(output)
                break
            output.append(line)
        return "".join(output)

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    builder = Builder(tmp_path)
    yield builder
    builder.end()


@pytest.fixture(params=["with event ids", "without"])
def product(request: pytest.FixtureRequest) -> Iterator[Product]:
    seed = request.config.getoption("--batch-seed")
    product = Product(
        random.Random(f"{seed} {request.param}"), request.param != "without"
    )
    product.variables = {
        "sessions": "none",
        "segments": ["plan", "amount"],
        "activation": {"event": "edit", "count": 2, "within_days": 7},
        "funnels": funnels("share"),
        "churn": {
            "horizon_days": 5,
            "active_days": 7,
            "min_tenure_days": 1,
            "as_of_every_days": 3,
            "as_of_dates": 12,
        },
    }
    product.begin()
    return product


@pytest.fixture
def kept(product: Product, builder: Builder, tmp_path: Path) -> Path:
    """A build of visits that last no longer than an evening: no session id joins them."""
    product.events = [{**event, "session_id": None} for event in product.events]
    folder = tmp_path / "kept"
    builder.build(folder, product.write(tmp_path), FACTS)
    return folder


def test_batches_in_random_order_end_as_a_build_of_everything(
    product: Product, builder: Builder, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    builder.build(kept, product.write(tmp_path), FACTS)
    done = []
    for number in range(BATCHES):
        done.append(product.batch())
        variables = product.write(tmp_path)
        select = MARTS if number == BATCHES - 1 else FACTS
        output = builder.build(kept, variables, select)
        made = tmp_path / f"made {number}"
        builder.build(made, variables, select)
        assert differences(kept, made) == {}, (done, output)


def test_periods_that_no_change_reaches_are_not_made_again(
    kept: Path, product: Product, builder: Builder, tmp_path: Path
) -> None:
    """Rows that are marked stay so for as long as nothing that they count changes."""
    mark_periods(kept)
    product.events += product.a_day_of_known_users()
    builder.build(kept, product.write(tmp_path), FACTS)
    # The first visits began on the evening before the first day; the new day is the 12th of
    # March, a Thursday.
    months = ["2025-12-01", "2026-01-01", "2026-02-01"]
    weeks = [str(date(2025, 12, 29) + timedelta(weeks=week)) for week in range(10)]
    assert marked(kept, "path_transitions", "month") == months
    assert marked(kept, "feature_breadth", "month") == months
    assert marked(kept, "feature_breadth", "week") == weeks
    assert marked(kept, "feature_usage", "month") == months[:-1]
    assert marked(kept, "feature_usage", "week") == weeks[:-1]
    assert marked(kept, "lifecycle", "month") == months
    assert marked(kept, "lifecycle", "week") == weeks
    # The day before is the evening on which visits of the new day began.
    days = [str(date(2025, 12, 31) + timedelta(days=day)) for day in range(70)]
    assert marked(kept, "lifecycle", "day") == days
    assert marked(kept, "daily_active", "day") == days
    sundays = [str(date(2026, 1, 4) + timedelta(weeks=week)) for week in range(10)]
    assert marked(kept, "stickiness", "week") == sundays

    mark_periods(kept)
    users = [event["user_id"] for event in product.events]
    first_user = next(user for user in users if user in product.users)
    product.users[first_user]["plan"] = "another"
    builder.build(kept, product.write(tmp_path), FACTS)
    for mart in PERIOD_MARTS:
        assert {start[:7] for start in marked(kept, mart, "month")} <= {"2025-12"}


@pytest.mark.parametrize("days_without_events", [0, 17])
def test_periods_after_the_last_one_are_added_to_those_kept(
    product: Product, builder: Builder, tmp_path: Path, days_without_events: int
) -> None:
    kept, made = tmp_path / "kept", tmp_path / "made"
    builder.build(kept, product.write(tmp_path), FACTS)
    product.days += days_without_events
    product.events += product.a_day_of_known_users()
    variables = product.write(tmp_path)
    builder.build(kept, variables, FACTS)
    builder.build(made, variables, FACTS)
    assert differences(kept, made) == {}


def test_what_is_left_of_a_session_changes_the_month_in_which_it_began(
    product: Product, builder: Builder, tmp_path: Path
) -> None:
    product.users["night owl"] = {"signed_up_at": datetime(2026, 1, 1), "plan": "free"}
    first, second = (
        {
            **product.event(0),
            "user_id": "night owl",
            "anonymous_id": None,
            "session_id": None,
            "event_name": name,
            "event_time": at,
            "received_at": at,
        }
        for name, at in (
            ("open", "2026-01-31 23:50:00"),
            ("edit", "2026-02-01 00:05:00"),
        )
    )
    product.events += [first, second]
    kept, made = tmp_path / "kept", tmp_path / "made"
    builder.build(kept, product.write(tmp_path), FACTS)
    product.events.remove(second)
    variables = product.write(tmp_path)
    builder.build(kept, variables, FACTS)
    builder.build(made, variables, FACTS)
    assert differences(kept, made) == {}


def test_dates_that_no_change_reaches_are_not_made_again(
    kept: Path, product: Product, builder: Builder, tmp_path: Path
) -> None:
    # Its first visits may begin on the evening before.
    mark(kept, DATE_MARTS)
    new_day = FIRST_DAY + timedelta(days=product.days)
    product.events += product.a_day_of_known_users()
    builder.build(kept, product.write(tmp_path), FACTS)
    [ends] = rows(
        kept, "select list((as_of_date, label_end_date)) from marts.as_of_dates"
    )
    first_changed = new_day - timedelta(days=1)
    earlier = {date for date, _ in ends[0] if date < first_changed}
    closed = {date for date, label_end in ends[0] if label_end < first_changed}
    assert earlier > closed > set()
    expected = {
        "user_event_usage": earlier,
        "user_features": earlier,
        "churn_labels": closed,
    }
    assert marked_dates(kept) == expected

    mark(kept, DATE_MARTS)
    [(user,)] = rows(
        kept,
        "select max(user_id) from marts.churn_labels where is_closed "
        f"and user_id in {(*product.users,)}",
    )
    product.users[user]["signed_up_at"] -= timedelta(days=1)
    builder.build(kept, product.write(tmp_path), FACTS)
    assert marked_dates(kept, user) == {mart: set() for mart in DATE_MARTS}
    every_date = {date for date, _ in ends[0]}
    expected = {"user_event_usage": every_date, "user_features": every_date}
    assert marked_dates(kept) == {**expected, "churn_labels": closed}

    mark(kept, DATE_MARTS)
    # A label looks at the days after its date, up to a late event here.
    late_day = max(label_end for _, label_end in ends[0] if label_end < first_changed)
    product.events += product.a_day_of_known_users((late_day - FIRST_DAY).days)
    builder.build(kept, product.write(tmp_path), FACTS)
    late_from = late_day - timedelta(days=1)
    earlier = {date for date, _ in ends[0] if date < late_from}
    closed = {date for date, label_end in ends[0] if label_end < late_from}
    assert marked_dates(kept)["user_features"] == earlier
    assert marked_dates(kept)["churn_labels"] == closed


def test_rows_of_before_the_first_change_are_not_made_again(
    kept: Path, product: Product, builder: Builder, tmp_path: Path
) -> None:
    with duckdb.connect(str(kept / "build.duckdb")) as connection:
        for fact, (_, marker) in MARKED_FACTS.items():
            connection.execute(f"update core.{fact} set {marker}")
    # Its visits may begin on the evening before, and end after a midnight.
    first_changed = FIRST_DAY + timedelta(days=product.days - 1)
    product.events += product.a_day_of_known_users()
    builder.build(kept, product.write(tmp_path), FACTS)
    for fact, (day, marker) in MARKED_FACTS.items():
        assert rows(
            kept,
            f"select count(*) > 100, count(*) filter (where not coalesce({marker}, false)) "
            f"from core.{fact} where {day} < date '{first_changed - timedelta(days=1)}'",
        ) == [(True, 0)], fact


def marked_dates(warehouse: Path, user: str | None = None) -> dict[str, set[date]]:
    """The as_of_dates of which a row is marked, of anyone or of one user."""
    of_whom = f"and user_id = '{user}'" if user else ""
    return {
        mart: {
            found
            for (found,) in rows(
                warehouse,
                f"select distinct as_of_date from marts.{mart} "
                f"where {column} = -1 {of_whom}",
            )
        }
        for mart, column in DATE_MARTS.items()
    }


def rows(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse / "build.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def mark_periods(warehouse: Path) -> None:
    mark(warehouse, {mart: column for mart, (column, _) in PERIOD_MARTS.items()})


def mark(warehouse: Path, marts: dict[str, str]) -> None:
    with duckdb.connect(str(warehouse / "build.duckdb")) as connection:
        for mart, column in marts.items():
            connection.execute(f"update marts.{mart} set {column} = -1")


def marked(warehouse: Path, mart: str, period: str) -> list[str]:
    """The starts of the periods of which a row is marked."""
    column, start = PERIOD_MARTS[mart]
    has_kinds = f"and period = '{period}'" if mart in HAVE_KINDS_OF_PERIODS else ""
    return [
        str(found)
        for (found,) in rows(
            warehouse,
            f"select distinct {start} from marts.{mart} "
            f"where {column} = -1 {has_kinds} order by 1",
        )
    ]
