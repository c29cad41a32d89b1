"""Writes events of a realistic shape as Parquet, the same ones for the same arguments.

    python -m benchmarks.make_events 10m

Users are active by a power law and for lives of very different lengths, sign up before
and throughout the data, and come in sessions of about ten events. There are no session
ids (an engine has to find the gaps), no duplicates and no late events. A folder of
BENCHMARK_DIR (default: benchmarks in WAREHOUSE_DIR) per size holds events/*.parquet, one
file per week, users.parquet, and data.json, which is written last. next_day/ and
second_day/ have the events of two days more, and the users who sign up on them.

Draws are DuckDB's hash of what they are for, so they do not depend on threads or order;
another version of DuckDB may hash otherwise, and its data is kept apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from benchmarks.progress import progress

FIRST_DAY = date(2025, 1, 1)
DAYS = 180
# Days more, by the name of their folders.
LATER_DAYS = ("next_day", "second_day")
EVENTS_PER_USER = 50
EVENTS_PER_SESSION = 10
LONGEST_SESSION = 80
LONGEST_STAY = timedelta(hours=3)
MEMORY_LIMIT = "4GB"

FUNNEL = [
    "item_viewed",
    "item_added_to_cart",
    "checkout_started",
    "payment_entered",
    "order_placed",
]
PASSIVE = "notification_received"
FIRST_EVENTS = {"app_opened": 85, PASSIVE: 15}
# Out of 1000 events after a session's first; a session with intent goes deeper.
BROWSING = {
    "home_viewed": 210,
    "category_viewed": 180,
    "item_viewed": 160,
    "search_performed": 130,
    "filter_applied": 80,
    "video_watched": 60,
    "item_shared": 20,
    "wishlist_added": 35,
    "review_read": 45,
    "settings_opened": 32,
    "profile_updated": 10,
    "item_added_to_cart": 20,
    "coupon_applied": 4,
    "order_tracked": 8,
    "checkout_started": 3,
    "payment_entered": 1,
    "order_placed": 1,
    "review_written": 1,
}
BUYING = BROWSING | {
    "home_viewed": 80,
    "category_viewed": 110,
    "video_watched": 20,
    "item_viewed": 250,
    "item_added_to_cart": 95,
    "coupon_applied": 24,
    "checkout_started": 45,
    "payment_entered": 30,
    "order_placed": 16,
    "order_tracked": 18,
    "review_written": 10,
    "filter_applied": 70,
    "settings_opened": 22,
    "wishlist_added": 25,
    "item_shared": 12,
    "review_read": 33,
}
SOURCES = {"direct": 5, "push": 2, "mail": 2, "ad": 1}
# Property of a user: {value: share in percent}
PROPERTIES = {
    "plan": {"free": 78, "plus": 16, "family": 6},
    "platform": {"ios": 44, "android": 41, "web": 15},
}


@dataclass(frozen=True)
class Data:
    """What a folder of events holds."""

    events: int
    users: int
    days: int
    seed: int
    duckdb: str
    root: Path

    @property
    def said(self) -> dict[str, int | str]:
        """What it is, wherever it is kept."""
        return {key: value for key, value in asdict(self).items() if key != "root"}

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        name = f"{short(self.events)}-events-{short(self.users)}-users"
        return self.root / (name if self.seed == 1 else f"{name}-seed-{self.seed}")

    @property
    def last_start(self) -> datetime:
        """When the last session may begin, so that none outlasts the data."""
        return datetime.combine(FIRST_DAY + timedelta(self.days), time()) - LONGEST_STAY

    @property
    def event_files(self) -> str:
        """The glob of the event files."""
        return str(self.folder / "events" / "*.parquet")

    @property
    def user_file(self) -> str:
        """The path of the users' file."""
        return str(self.folder / "users.parquet")

    @property
    def later_days(self) -> list[Path]:
        """The folders of the days after the last one: events.parquet, users.parquet."""
        return [self.folder / name for name in LATER_DAYS]

    @property
    def is_there(self) -> bool:
        """Whether the folder holds exactly this."""
        manifest = self.folder / "data.json"
        return manifest.exists() and json.loads(manifest.read_text()) == self.said


def describe(events: int, users: int | None = None, seed: int = 1) -> Data:
    """The data of a size, whether it is there or not."""
    if events < EVENTS_PER_USER:
        raise ValueError(
            f"events: got {events}, allowed are {EVENTS_PER_USER} and more"
        )
    users = users or events // EVENTS_PER_USER
    if not 1 <= users <= events // EVENTS_PER_SESSION:
        raise ValueError(
            f"users: got {users}, allowed are 1 to {events // EVENTS_PER_SESSION}, "
            f"a tenth of the {events} events"
        )
    root = os.environ.get("BENCHMARK_DIR") or os.path.join(
        os.environ.get("WAREHOUSE_DIR", "warehouse"), "benchmarks"
    )
    return Data(events, users, DAYS, seed, duckdb.__version__, Path(root).resolve())


def make(data: Data) -> Data:
    """Writes the data where it is not there yet."""
    if data.is_there:
        return data
    if data.folder.exists():
        shutil.rmtree(data.folder)
    (data.folder / "events").mkdir(parents=True)
    try:
        with duckdb.connect(str(data.folder / "making.duckdb")) as connection:
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            connection.execute("set preserve_insertion_order = false")
            make_users(connection, data)
            make_sessions(connection, data)
            weeks = range((data.days + 6) // 7)
            for week in progress(weeks, f"{short(data.events)} events, week"):
                write_week(connection, data, week)
    finally:
        for leftover in data.folder.glob("making.duckdb*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    (data.folder / "data.json").write_text(json.dumps(data.said))
    return data


def make_later_days(data: Data) -> None:
    """Writes the days after the last one: those of a week before them come again.

    Who had signed up on that day has a namesake who signs up on the new one.
    """
    for number, folder in enumerate(data.later_days):
        if not (folder / "events.parquet").exists():
            make_later_day(data, FIRST_DAY + timedelta(data.days + number), folder)


def make_later_day(data: Data, day: date, folder: Path) -> None:
    """Writes the files of one of them."""
    folder.mkdir(exist_ok=True)
    before = f"date '{day - timedelta(7)}'"
    newcomers = f"""
        select * replace (
            'n' || user_id as user_id, signed_up_at + interval 7 day as signed_up_at
        )
        from '{data.user_file}' where cast(signed_up_at as date) = {before}
    """
    events = f"""
        select * replace (
            cast(cast(md5('next ' || event_id) as uuid) as varchar) as event_id,
            case
                when user_id in (
                    select substr(user_id, 2) from '{folder / "users.parquet"}'
                ) then 'n'
                else ''
            end || user_id as user_id,
            event_time + interval 7 day as event_time
        )
        from '{data.event_files}' where cast(event_time as date) = {before}
    """
    # The events come last, and make the folder whole.
    for name, rows in {"users": newcomers, "events": events}.items():
        path = folder / f"{name}.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (from ({rows}) order by all) to '{path}.new'"
                " (format parquet, compression zstd)"
            )
        os.replace(f"{path}.new", path)


def draw(data: Data, purpose: str, *keys: str) -> str:
    """SQL of a number in [0, 1) that the keys decide."""
    salt = hashlib.sha256(f"{data.seed} {purpose}".encode()).digest()
    drawn = f"{int.from_bytes(salt[:8], 'big')}::ubigint"
    # One after the other: hash(a, b) of several would make draws that go together.
    for key in keys:
        drawn = f"hash(xor({drawn}, cast({key} as ubigint)))"
    return f"(({drawn} >> 11) / 9007199254740992.0)"


def pick(weights: dict[str, int], number: str) -> str:
    """SQL of a name drawn by a number in [0, 1) from weights that add up to a round sum."""
    names = [name for name, weight in weights.items() for _ in range(weight)]
    return f"{names!r}[1 + cast(floor({len(names)} * {number}) as integer)]"


def make_users(connection: duckdb.DuckDBPyConnection, data: Data) -> None:
    """Users with the days between which they live and how often they come."""
    last_start = data.last_start
    properties = ",\n".join(
        f"{pick(shares, draw(data, name, 'number'))} as {name}"
        for name, shares in PROPERTIES.items()
    )
    connection.execute(
        f"""
        create table users as
        with drawn as (
            select
                number,
                {draw(data, "signup", "number")} as signup,
                {draw(data, "time", "number")} as signup_time,
                {draw(data, "kind", "number")} as kind,
                {draw(data, "life", "number")} as life,
                {draw(data, "activity", "number")} as activity,
                {properties}
            from range({data.users}) as numbers (number)
        ),
        lives as (
            select
                *,
                -- Three in ten signed up in the half year before the data.
                case
                    when signup < 0.3 then -{data.days} * signup / 0.3
                    else {data.days} * (signup - 0.3) / 0.7
                end as starts,
                -- A third try it and leave; some stay for months, some for good.
                -ln(1 - life) * case
                    when kind < 0.35 then 1.5 when kind < 0.7 then 30 else 240
                end as days,
                -- Pareto: of ten users two make most of the events.
                least(pow(1 - activity, -1 / 1.4), 100) as weight
            from drawn
        )
        select
            number,
            'u' || lpad(cast(number as varchar), 8, '0') as user_id,
            {", ".join(PROPERTIES)},
            least(
                timestamp '{FIRST_DAY}' + floor(starts) * interval 1 day
                + to_milliseconds(cast(86399999 * signup_time as bigint)),
                timestamp '{last_start}'
            ) as signed_up_at,
            greatest(starts, 0) as first_day,
            least(starts + days, {data.days}) as last_day,
            starts >= 0 as is_new,
            weight
        from lives
        """
    )
    connection.execute(
        f"copy (select user_id, signed_up_at, {', '.join(PROPERTIES)} from users"
        f" order by user_id) to '{data.user_file}' (format parquet, compression zstd)"
    )


def make_sessions(connection: duckdb.DuckDBPyConnection, data: Data) -> None:
    """Sessions with their start, pace and number of events, so many that these add up."""
    per_user = f"""
        cast(is_new as integer) + cast(floor(
            least(4, {{rate}} * weight) * (last_day - first_day)
            + {draw(data, "rounding", "number")}
        ) as bigint)
    """
    last_start = data.last_start
    rate = session_rate(connection, per_user, 1.05 * data.events / EVENTS_PER_SESSION)
    length = (
        f"1 + cast(least(floor(-ln(1 - {draw(data, 'length', 'number', 'session')})"
        f" * {EVENTS_PER_SESSION - 0.5}), {LONGEST_SESSION - 1}) as integer)"
    )
    connection.execute(
        f"""
        create table sessions as
        with numbered as (
            select
                number,
                signed_up_at,
                is_new,
                first_day,
                last_day,
                unnest(range({per_user.format(rate=rate)})) as session
            from users
            where last_day > first_day
        ),
        drawn as (
            select
                *,
                {length} as event_count,
                floor(first_day + (last_day - first_day)
                    * pow({draw(data, "day", "number", "session")}, 1.2)) as day,
                ({draw(data, "hour", "number", "session")}
                    + {draw(data, "minute", "number", "session")}) / 2 as time_of_day
            from numbered
        ),
        started as (
            select
                number,
                session,
                event_count,
                case
                    when is_new and session = 0 then signed_up_at
                    else greatest(
                        timestamp '{FIRST_DAY}' + day * interval 1 day
                        + to_milliseconds(cast(86399999 * time_of_day as bigint)),
                        signed_up_at
                    )
                end as wanted_at
            from drawn
        ),
        timed as (
            select
                number,
                session,
                event_count,
                least(wanted_at, timestamp '{last_start}') as started_at
            from started
        ),
        counted as (
            select
                *,
                sum(event_count) over (
                    order by {draw(data, "order", "number", "session")}, number, session
                    rows between unbounded preceding and current row
                ) as events_so_far
            from timed
        )
        select
            number,
            session,
            cast(date_diff('day', date '{FIRST_DAY}', started_at) // 7 as integer) as week,
            started_at,
            1500 + cast(118000 * pow({draw(data, "pace", "number", "session")}, 2)
                as bigint) as pace,
            {draw(data, "intent", "number", "session")} < 0.2 as has_intent,
            cast(least(event_count, {data.events} - (events_so_far - event_count))
                as integer) as event_count
        from counted
        where events_so_far - event_count < {data.events}
        """
    )
    made = connection.execute("select sum(event_count) from sessions").fetchall()[0][0]
    if made != data.events:
        raise RuntimeError(f"made {made} events of {data.events}: too few sessions")


def session_rate(
    connection: duckdb.DuckDBPyConnection, per_user: str, wanted: float
) -> float:
    """Sessions a day for a weight of 1 that make as many sessions as wanted."""
    low, high = 0.0, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        found = connection.execute(
            f"select sum({per_user.format(rate=middle)}) from users"
            " where last_day > first_day"
        ).fetchall()[0][0]
        low, high = (middle, high) if (found or 0) < wanted else (low, middle)
    return high


def write_week(connection: duckdb.DuckDBPyConnection, data: Data, week: int) -> None:
    """The events of the sessions that started in a week, by time."""
    key = ["number", "session", "event"]
    name = f"""
        case
            when event = 0 then {pick(FIRST_EVENTS, draw(data, "first", *key))}
            when has_intent then {pick(BUYING, draw(data, "name", *key))}
            else {pick(BROWSING, draw(data, "name", *key))}
        end
    """
    source = pick(SOURCES, draw(data, "source", *key[:2]))
    connection.execute(
        f"""
        copy (
            with numbered as (
                select *, unnest(range(event_count)) as event
                from sessions
                where week = {week}
            )
            select
                cast(cast(md5(
                    {data.seed} || ':' || number || ':' || session || ':' || event
                ) as uuid) as varchar) as event_id,
                'u' || lpad(cast(number as varchar), 8, '0') as user_id,
                {name} as event_name,
                started_at + to_milliseconds(
                    case
                        when event = 0 then 0
                        else cast(pace * (event - {draw(data, "jitter", *key)}) as bigint)
                    end
                ) as event_time,
                '{{"source":"' || {source} || '","value":'
                || cast(floor(100 * {draw(data, "value", *key)}) as integer) || '}}'
                as properties
            from numbered
            order by event_time, event_id
        ) to '{data.folder / "events" / f"week-{week:02}.parquet"}'
        (format parquet, compression zstd)
        """
    )


def parse_size(text: str) -> int:
    """A number such as 250000, 10m or 50k."""
    found = re.fullmatch(r"(\d+)([km]?)", text.strip().lower())
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(
            f"got '{text}', allowed are whole numbers, such as 500k, 10m or 250000"
        )
    return int(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2]]


def short(number: int) -> str:
    """The number as parse_size takes it, as short as it goes."""
    for unit, size in {"m": 1_000_000, "k": 1_000}.items():
        if number % size == 0:
            return f"{number // size}{unit}"
    return str(number)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Writes events of a realistic shape.")
    parser.add_argument("size", type=parse_size, help="how many events, such as 10m")
    parser.add_argument(
        "--users", type=parse_size, help="default: a 50th of the events"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        data = make(describe(given.size, given.users, given.seed))
        make_later_days(data)
    except ValueError as error:
        parser.error(str(error))
    print(data.folder)


if __name__ == "__main__":
    main()
