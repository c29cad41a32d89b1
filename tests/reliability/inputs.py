"""A share of the mock product's users, as it was known on each day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tests.builds import PROJECT

FIRST_DAY = 100
LAST_DAY = 178  # of the days of the mock product, the last one that is whole
OF_USERS = 20  # one of so many

# Of events, one in ten comes one or two days late, one in fifty is deleted after a day
# and one in ten is corrected after a day.
EVENTS = """
copy (
    select * exclude (day) replace (
        if(hash(event_id) % 10 = 1 and day = $day, null, properties) as properties
    )
    from (
        select
            *,
            coalesce(
                date_diff('day', date '2026-01-05', try_cast(event_time as date)), 0
            ) as day
        from read_csv('{seeds}/events.csv', all_varchar = true)
    )
    where hash(coalesce(user_id, anonymous_id)) % {of_users} = 0
        and day + if(hash(event_id) % 10 = 0, 1 + hash(event_id) % 2, 0) <= $day
        and (hash(event_id) % 50 <> 2 or day = $day)
) to '{folder}/events.new' (format parquet)
"""
USERS = """
copy (
    from read_csv('{seeds}/users.csv', all_varchar = true)
    where hash(user_id) % {of_users} = 0
        and date_diff('day', date '2026-01-05', cast(signed_up_at as date)) <= $day
) to '{folder}/users.new' (format parquet)
"""


def variables(folder: Path) -> dict[str, Any]:
    """The vars of a build of the files in a folder."""
    return {
        "events": str(folder / "events.parquet"),
        "users": str(folder / "users.parquet"),
        "sessions": "none",
        "excluded_users": str(PROJECT / "seeds" / "excluded_users.csv"),
    }


def write_day(folder: Path, day: int, of_users: int = OF_USERS) -> None:
    """Writes what is known at the end of a day, between FIRST_DAY and LAST_DAY."""
    assert FIRST_DAY <= day <= LAST_DAY
    given = {"seeds": PROJECT / "seeds", "of_users": of_users, "folder": folder}
    with duckdb.connect() as connection:
        for name, statement in (("events", EVENTS), ("users", USERS)):
            connection.execute(statement.format(**given), {"day": day})
            (folder / f"{name}.new").replace(folder / f"{name}.parquet")
