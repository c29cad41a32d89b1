"""Events of one's own: small sets in the shapes that real ones have, made here.

What the warehouse makes of each is compared with plain SQL over the raw file.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.builds import NO_SEEDS, PROJECT, DbtRun, run_dbt

# All that the rows of an input go through, and a mart that reads their properties.
FACTS = ["+fct_sessions", "+funnel_steps", "+stg_rejected_rows"]

# Runs FACTS for several sets of vars in one process; most of a command is its start.
RUN_FACTS = """
import json, os, sys
from dbt.cli.main import dbtRunner
manifests = {}
for warehouse, variables, facts in json.load(sys.stdin):
    os.environ["WAREHOUSE_DIR"] = warehouse
    given = ["--vars", json.dumps(variables)]
    manifest = manifests.get(variables["users"])
    if not manifest:
        manifest = dbtRunner().invoke(["parse", *given]).result
        manifests[variables["users"]] = manifest
    if not dbtRunner(manifest=manifest).invoke(["run", "-s", *facts, *given]).success:
        sys.exit(1)
"""

ONE_EVENT_NAME = {
    "funnels": [
        {
            "name": "three times",
            "window_days": 7,
            "steps": [
                {"name": "first", "event": "played"},
                {"name": "second", "event": "played"},
                {"name": "third, misspelt", "event": "plaied"},
            ],
        }
    ],
    "activation": {"event": "played", "count": 2, "within_days": 3},
    "segments": ["platform"],
    "passive_events": [],
    "churn": {
        "horizon_days": 7,
        "active_days": 7,
        "min_tenure_days": 0,
        "as_of_every_days": 7,
        "as_of_dates": 4,
    },
    "retention_periods": {"day": 10, "month": 2},
    "engagement_tiers": {
        "new_tenure_days": 2,
        "power_days": 5,
        "core_days": 3,
        "casual_days": 2,
    },
}

SHOP_FUNNEL = {
    "name": "buy",
    "window_days": 7,
    "steps": [
        {"name": "view", "event": "view"},
        {"name": "cart", "event": "cart"},
        {"name": "buy", "event": "buy"},
    ],
}


def rows_of(query: str) -> list[tuple]:
    """Rows of a query on files, apart from dbt and from any other thread."""
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def write(path: Path, query: str, options: str = "") -> Path:
    rows_of(f"copy ({query}) to '{path}' {options}")
    return path


def write_retail(folder: Path) -> dict[str, Any]:
    """Invoice lines: days, a numeric customer or none, one event name, odd headers."""
    write(
        folder / "retail.parquet",
        """
        select
            case when i % 4 > 0 then i % 7 end as "Customer",
            'purchase' as event_name,
            date '2024-01-01' + cast(i % 5 as integer) as "day of invoice",
            'line ' || (i % 3) as "it's",
            i % 2 as "say ""how"" many",
            case when i % 2 = 0 then 'de' end as "select"
        from range(200) rows(i)
        union all
        select 1, 'purchase', date '2024-01-01', 'twin', 1, 'de' from range(3)
        union all
        select 1, 'purchase', cast(text as date), 'no day', 1, 'de'
        from (values ('infinity'), ('-infinity'), (null)) as days(text)
        """,
    )
    return {
        "events": str(folder / "retail.parquet"),
        "event_columns": {"customer": "user_id", "Day of Invoice": "event_time"},
        "segments": ["select", "it's not there".replace("'", "")],
    }


def write_music(folder: Path) -> dict[str, Any]:
    """A page log of two months, a file each with other columns; sessions shared."""
    write(
        folder / "month-1.parquet",
        """
        select
            case when i % 5 > 0 then cast(i % 5 as varchar) else '' end as "userId",
            i // 10 as "sessionId",
            case when i % 3 = 0 then 'upgrade' else 'play' end as page,
            timestamptz '2024-01-01 23:30:00-05:00' + i * interval 1 minute as ts,
            case when i % 5 = 1 then 'paid' else 'free' end as level
        from range(100) rows(i)
        """,
    )
    write(
        folder / "month-2.parquet",
        """
        select
            '1' as "userId",
            99 as "sessionId",
            'play' as page,
            timestamptz '2024-02-01 00:00:00+00:00' as ts,
            'song' as title
        from range(2)
        """,
    )
    return {
        "events": str(folder / "month-*.parquet"),
        "event_columns": {
            "userId": "user_id",
            "sessionId": "session_id",
            "page": "event_name",
            "ts": "event_time",
        },
        "duplicate_rows": "reject",
        "segments": ["level"],
        "funnels": [
            {
                "name": "paying",
                "steps": [
                    {
                        "name": "play",
                        "event": "play",
                        "where": [{"property": "level", "value": "paid"}],
                    },
                    {"name": "anything", "event": None},
                ],
            }
        ],
    }


def write_offsets(folder: Path) -> dict[str, Any]:
    """Text times in a compressed CSV, with and without an offset, some unreadable."""
    with gzip.open(folder / "offsets.csv.gz", "wt") as file:
        file.write(
            "user_id,event_name,event_time,plan\n"
            "a,open,2024-03-10 04:59:59Z,pro\n"  # 9 March in New York
            "a,open,2024-03-10T05:00:00+00:00,\n"
            "b,open,2024-03-10 23:30:00-05:00,\n"  # summer time: the 11th already
            "b,open,2024-03-11 03:59:59,\n"
            "c,open,2024-03-11,\n"  # midnight UTC: the 10th
            "c,open,soon,\n"
            "c,open,,\n"
            "c,open,infinity,\n"
            'd,"open, ""twice""\n",2024-03-12T00:00:00.5Z,\n'
        )
    return {
        "events": str(folder / "offsets.csv.gz"),
        "reporting_timezone": "America/New_York",
    }


def write_lines(folder: Path) -> dict[str, Any]:
    """JSON lines where values change their type and a key comes late."""
    with open(folder / "lines.jsonl", "w") as file:
        for number in range(30_000):
            row = {
                "user_id": number % 10,
                "event_name": "tap",
                "event_time": f"2024-01-{1 + number % 28:02}T00:00:00Z",
                "at": {"x": 1, "y": [number % 2]},
            }
            if number >= 29_990:
                row |= {"user_id": f"late-{number}", "experiment": "blue"}
            if number == 29_999:
                row["event_time"] = "later"
            file.write(json.dumps(row) + "\n")
    return {"events": str(folder / "lines.jsonl"), "segments": ["experiment"]}


def write_signups(folder: Path) -> dict[str, Any]:
    """A table of the warehouse as events; users with extra columns and twins."""
    (folder / "people.csv").write_text(
        "customer,signed_up_at,plan,vip\n"
        "u1,2024-01-02 00:00:00,pro,yes\n"
        "u1,2024-01-05 00:00:00,free,no\n"
        "u2,2024-01-03 00:00:00,free,\n"
        "u3,,free,\n"
        ",2024-01-03 00:00:00,free,\n"
    )
    rows = (
        "event_id,user_id,anonymous_id,event_name,event_time,received_at\n"
        "1,,device-1,visit,2024-01-01 10:00:00,2024-01-01 10:00:01\n"
        "2,u1,device-1,signup,2024-01-02 00:00:00,2024-01-02 00:00:01\n"
        "3,,device-1,visit,2024-01-04 00:00:00,2024-01-04 00:00:01\n"
        "4,,device-2,visit,2024-01-04 00:00:00,2024-01-04 00:00:01\n"
        "5,u2,,buy,2024-01-05 00:00:00,2024-01-05 00:00:01\n"
        "5,u2,,buy,2024-01-05 00:00:00,2024-01-05 00:00:09\n"
        "6,u9,,buy,2024-01-05 00:00:00,2024-01-05 00:00:01\n"
        "7,u2,,buy,2024-01-05 00:00:00,2024-01-04 23:59:59\n"
        "8,u2,,buy,2024-01-06 12:00:00,2024-01-06 12:00:00\n"
        "9,u2,,buy,2024-01-06 12:00:01,2024-01-06 12:00:01\n"
        "10,u2,,,2024-01-05 00:00:00,2024-01-05 00:00:01\n"
        "11,,,buy,2024-01-05 00:00:00,2024-01-05 00:00:01\n"
    )
    (folder / "tracked.csv").write_text(rows)
    with duckdb.connect(str(folder / "build.duckdb")) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f"create table raw.tracked as from read_csv('{folder / 'tracked.csv'}')"
        )
    return {
        "events": "raw.tracked",
        "users": str(folder / "people.csv"),
        "user_columns": {"customer": "user_id"},
        "loaded_until": "2024-01-06 12:00:00",
        "as_of_date": "2024-01-05",
        "segments": ["plan", "vip"],
    }


def write_played(folder: Path) -> dict[str, Any]:
    """One event name, by the day, no sessions; every definition is its own."""
    path = write(
        folder / "played.parquet",
        """
        select
            'u' || (i % 50) as user_id,
            'played' as event_name,
            date '2024-01-01' + cast(i // 50 + (i % 50) // 10 as integer) as event_time,
            null as session_id,
            if(i % 2 = 0, 'ios', 'android') as platform
        from range(2000) rows(i)
        where hash(i) % 3 = 0
        """,
    )
    return ONE_EVENT_NAME | {"events": str(path)}


def write_nothing(folder: Path) -> dict[str, Any]:
    """Columns without a row, loaded up to a day nevertheless."""
    path = write(
        folder / "nothing.parquet",
        """
        select 'u' as user_id, 'e' as event_name, timestamp '2024-01-01' as event_time
        where false
        """,
    )
    return {"events": str(path), "loaded_until": "2024-01-01"}


def write_unreadable(folder: Path) -> dict[str, Any]:
    """Times that say nothing to anyone."""
    (folder / "unreadable.csv").write_text(
        "user_id,event_name,event_time\n" + "u,open,at noon\n" * 20 + "u,open,\n"
    )
    return {"events": str(folder / "unreadable.csv")}


def write_many(folder: Path) -> dict[str, Any]:
    """300,000 events of 20,000 users over 40 days."""
    path = write(
        folder / "many.parquet",
        """
        with rows as (
            select i, hash(i, 'user') % 20000 as person, hash(i, 'name') % 10 as kind
            from range(300000) rows(i)
        )
        select
            'u' || person as user_id,
            case when kind < 6 then 'view' when kind < 9 then 'cart' else 'buy' end
                as event_name,
            timestamp '2024-01-01'
            + cast(hash(i, 'time') % (40 * 86400) as integer) * interval 1 second
                as event_time,
            'platform ' || (hash(person) % 3) as platform
        from rows
        """,
    )
    return {
        "events": str(path),
        "funnels": [SHOP_FUNNEL],
        "activation": {"event": "cart", "count": 2, "within_days": 5},
        "segments": ["platform"],
        "passive_events": [],
    }


FACTS_OF = {
    "retail": write_retail,
    "music": write_music,
    "offsets": write_offsets,
    "lines": write_lines,
    "signups": write_signups,
    "nothing": write_nothing,
    "unreadable": write_unreadable,
}
WHOLE_BUILDS_OF = {"many": write_many, "played": write_played}
ELSEWHERE = {"TZ": "Asia/Tokyo"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DbtRun]:
    """`own("retail")`: what dbt made of that set, where the zone is not UTC."""
    folder = tmp_path_factory.mktemp("own")
    variables = {}
    for name, write_set in (WHOLE_BUILDS_OF | FACTS_OF).items():
        (folder / name).mkdir()
        variables[name] = NO_SEEDS | write_set(folder / name)

    def build(name: str) -> dict[str, DbtRun]:
        return {
            name: run_dbt(
                folder / name, "build", variables=variables[name], environment=ELSEWHERE
            )
        }

    def run_facts() -> dict[str, DbtRun]:
        done = subprocess.run(
            [sys.executable, "-c", RUN_FACTS],
            cwd=PROJECT,
            env={
                **os.environ,
                **ELSEWHERE,
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
            },
            input=json.dumps(
                [(str(folder / name), variables[name], FACTS) for name in FACTS_OF]
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        return {
            name: DbtRun(done.returncode, output, folder / name) for name in FACTS_OF
        }

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(build, name) for name in WHOLE_BUILDS_OF]
        jobs.append(pool.submit(run_facts))
        runs = {name: run for job in jobs for name, run in job.result().items()}

    def succeeded(name: str) -> DbtRun:
        assert runs[name].returncode == 0, runs[name].output
        return runs[name]

    return succeeded


def rejections(run: DbtRun, source_table: str = "events") -> dict[str, int]:
    return dict(
        run.query(
            "select rejection_reason, count(*) from staging.stg_rejected_rows "
            "where source_table = ? group by 1",
            source_table,
        )
    )


def modelled(run: DbtRun) -> int:
    return run.query("select count(*) from core.fct_events")[0][0]


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ("retail", 206),
        ("music", 102),
        ("offsets", 9),
        ("lines", 30_000),
        ("signups", 12),
        ("played", 647),
        ("nothing", 0),
        ("unreadable", 21),
        ("many", 300_000),
    ],
)
def test_every_row_is_modelled_or_set_aside(
    own: Callable[[str], DbtRun], shape: str, rows: int
) -> None:
    run = own(shape)
    assert modelled(run) + sum(rejections(run).values()) == rows


def test_rows_without_a_user_or_a_day_are_set_aside(
    own: Callable[[str], DbtRun],
) -> None:
    assert rejections(own("retail")) == {
        "no_user": 50,
        "unparsable_event_time": 2,
        "no_event_time": 1,
    }


def test_columns_under_other_names_are_found_whatever_their_case(
    own: Callable[[str], DbtRun],
) -> None:
    found = own("retail").query(
        "select user_id, count(*) from core.fct_events group by 1 order by 1"
    )
    expected = rows_of(
        "select cast(i % 7 as varchar), count(*) + if(i % 7 = 1, 3, 0) "
        "from range(200) rows(i) where i % 4 > 0 group by i % 7 order by 1"
    )
    assert found == expected


def test_a_day_is_midnight_utc(own: Callable[[str], DbtRun]) -> None:
    found = own("retail").query(
        "select distinct event_time, event_date from core.fct_events order by 1"
    )
    days = [date(2024, 1, day) for day in range(1, 6)]
    assert found == [(datetime(d.year, d.month, d.day), d) for d in days]


def test_other_columns_are_properties_whatever_their_name(
    own: Callable[[str], DbtRun],
) -> None:
    (found,) = own("retail").query(
        "select distinct properties from core.fct_events where properties like '%twin%'"
    )
    assert json.loads(found[0]) == {"it's": "twin", 'say "how" many': 1, "select": "de"}


def test_a_property_is_a_segment(own: Callable[[str], DbtRun]) -> None:
    found = own("retail").query(
        "select distinct segment, segment_value from core.dim_user_segments "
        "order by all"
    )
    assert found == [("all", "all"), ("select", "de")]


def test_identical_rows_are_kept_and_marked(own: Callable[[str], DbtRun]) -> None:
    twins = own("retail").query(
        "select is_repeated_row, count(distinct event_id) from core.fct_events "
        "where properties like '%twin%' group by 1 order by 1"
    )
    assert twins == [(False, 1), (True, 2)]


def test_identical_rows_are_set_aside_where_the_vars_say_so(
    own: Callable[[str], DbtRun],
) -> None:
    assert rejections(own("music")) == {"no_user": 20, "duplicate_row": 1}


def test_a_session_id_that_users_share_is_a_session_of_each(
    own: Callable[[str], DbtRun],
) -> None:
    found = own("music").query(
        "select count(*), count(distinct session_id) from core.fct_sessions"
    )
    # Ten of four users each, and the one of February.
    assert found == [(41, 11)]


def test_times_with_a_zone_are_converted(own: Callable[[str], DbtRun]) -> None:
    found = own("music").query(
        "select min(event_time), max(event_time) from core.fct_events"
    )
    assert found == [(datetime(2024, 1, 2, 4, 31), datetime(2024, 2, 1))]


def test_files_of_a_glob_may_have_different_columns(
    own: Callable[[str], DbtRun],
) -> None:
    found = own("music").query(
        "select count(properties ->> 'level'), count(properties ->> 'title') "
        "from core.fct_events"
    )
    assert found == [(80, 1)]


def test_a_step_may_ask_for_a_property(own: Callable[[str], DbtRun]) -> None:
    found = own("music").query(
        "select step_name, users from marts.funnel_steps where segment = 'all' "
        "order by all"
    )
    assert found == [("anything", 1), ("play", 1)]


def test_a_user_has_the_first_value_of_a_segment(own: Callable[[str], DbtRun]) -> None:
    found = own("music").query(
        "select user_id, segment_value from core.dim_user_segments "
        "where segment = 'level' order by all"
    )
    assert found == [("1", "paid"), ("2", "free"), ("3", "free"), ("4", "free")]


def test_days_follow_the_reporting_timezone_and_not_the_machine(
    own: Callable[[str], DbtRun],
) -> None:
    found = own("offsets").query(
        "select user_id, event_time, event_date from core.fct_events order by all"
    )
    assert found == [
        ("a", datetime(2024, 3, 10, 4, 59, 59), date(2024, 3, 9)),
        ("a", datetime(2024, 3, 10, 5), date(2024, 3, 10)),
        ("b", datetime(2024, 3, 11, 3, 59, 59), date(2024, 3, 10)),
        ("b", datetime(2024, 3, 11, 4, 30), date(2024, 3, 11)),
        ("c", datetime(2024, 3, 11), date(2024, 3, 10)),
        ("d", datetime(2024, 3, 12, 0, 0, 0, 500_000), date(2024, 3, 11)),
    ]


def test_a_time_that_cannot_be_read_is_kept_as_it_was(
    own: Callable[[str], DbtRun],
) -> None:
    found = own("offsets").query(
        "select rejection_reason, source_row ->> 'event_time' "
        "from staging.stg_rejected_rows order by all"
    )
    assert found == [
        ("no_event_time", None),
        ("unparsable_event_time", "infinity"),
        ("unparsable_event_time", "soon"),
    ]


def test_quoted_text_of_a_csv_arrives_whole(own: Callable[[str], DbtRun]) -> None:
    found = own("offsets").query(
        "select event_name from core.fct_events where user_id = 'd'"
    )
    assert found == [('open, "twice"\n',)]


def test_json_values_may_change_their_type(own: Callable[[str], DbtRun]) -> None:
    run = own("lines")
    assert rejections(run) == {"unparsable_event_time": 1}
    assert run.query(
        "select count(distinct user_id) from core.fct_events "
        "where not contains(user_id, '\"')"
    ) == [(10 + 9,)]


def test_a_json_key_that_comes_late_is_not_lost(own: Callable[[str], DbtRun]) -> None:
    run = own("lines")
    assert run.query(
        "select count(*) from core.fct_events "
        "where properties ->> 'experiment' = 'blue'"
    ) == [(9,)]
    assert run.query(
        "select segment_value, count(*) from core.dim_user_segments "
        "where segment = 'experiment' group by 1 order by 1"
    ) == [("(not set)", 10), ("blue", 9)]


def test_nested_json_stays_json(own: Callable[[str], DbtRun]) -> None:
    (row,) = own("lines").query("select properties from core.fct_events limit 1")
    assert set(json.loads(row[0])["at"]) == {"x", "y"}


def test_events_are_set_aside_with_their_reasons(own: Callable[[str], DbtRun]) -> None:
    assert rejections(own("signups")) == {
        "duplicate_event_id": 1,
        "unknown_user": 1,
        "after_received_at": 1,
        "after_loaded_until": 1,
        "no_event_name": 1,
        "no_user": 1,
    }


def test_the_earliest_of_a_users_rows_counts_and_no_other_is_lost(
    own: Callable[[str], DbtRun],
) -> None:
    run = own("signups")
    assert rejections(run, "users") == {"duplicate_user_id": 1, "no_user": 1}
    assert run.query(
        "select user_id, signed_up_at, properties ->> 'vip' "
        "from staging.stg_users order by 1"
    ) == [
        ("u1", datetime(2024, 1, 2), "yes"),
        ("u2", datetime(2024, 1, 3), None),
        ("u3", None, None),
    ]


def test_visits_before_sign_up_belong_to_the_user(own: Callable[[str], DbtRun]) -> None:
    found = own("signups").query(
        "select user_id, event_id, is_anonymous from core.fct_events "
        "where event_name = 'visit' order by event_id"
    )
    assert found == [
        ("u1", "1", False),
        ("u1", "3", False),
        ("anonymous:device-2", "4", True),
    ]


def test_the_data_ends_where_it_was_loaded_to(own: Callable[[str], DbtRun]) -> None:
    found = own("signups").query(
        "select as_of_date, data_end, data_end_date from core.data_bounds"
    )
    assert found == [(date(2024, 1, 5), datetime(2024, 1, 6, 12), date(2024, 1, 6))]


def test_no_events_have_no_bounds(own: Callable[[str], DbtRun]) -> None:
    bounds = own("nothing").query("select * from core.data_bounds")
    assert bounds == [(None,) * 5]


def test_one_event_name_by_the_day_without_sessions(
    own: Callable[[str], DbtRun],
) -> None:
    run = own("played")
    unmatched = [
        line for line in run.output.splitlines() if "no event is named" in line
    ]
    assert len(unmatched) == 1, run.output
    assert (
        "[WARNING]: funnel 'three times', step 'third, misspelt': "
        "no event is named 'plaied'" in unmatched[0]
    )
    raw = f"read_parquet('{run.warehouse / 'played.parquet'}')"
    expected = rows_of(
        f"select event_time, count(distinct user_id) from {raw} group by 1 order by 1"
    )
    assert expected == run.published(
        "select activity_date, dau from daily_active "
        "where segment = 'all' and dau > 0 order by activity_date"
    )
    # Sessions by the gap rule: one each user and day, as days are all that is known.
    assert run.published(
        "select sum(sessions), sum(events) from daily_active where segment = 'all'"
    ) == rows_of(f"select count(*), count(*) from {raw}")
    assert run.published("select distinct period from cohort_retention order by 1") == [
        ("day",),
        ("month",),
    ]
    assert run.published("select distinct funnel from funnel_steps") == [
        ("three times",)
    ]
    ((tests_passed,),) = run.published("select tests_passed from build_info")
    assert tests_passed > 100


def test_a_time_column_that_cannot_be_read_is_set_aside_whole(
    own: Callable[[str], DbtRun],
) -> None:
    assert rejections(own("unreadable")) == {
        "unparsable_event_time": 20,
        "no_event_time": 1,
    }


def test_marts_of_many_rows_equal_plain_sql_over_the_file(
    own: Callable[[str], DbtRun],
) -> None:
    run = own("many")
    raw = f"read_parquet('{run.warehouse / 'many.parquet'}')"
    assert_active_users_equal(run, raw)
    assert_retention_equals(run, raw)
    assert_funnel_equals(run, raw)
    assert run.published("select count(*) from events") == [(300_000,)]


def assert_active_users_equal(run: DbtRun, raw: str) -> None:
    expected = rows_of(
        f"""
        with days as (
            select distinct user_id, platform, cast(event_time as date) as day
            from {raw}
        )
        select day, coalesce(platform, 'all') as slice, count(distinct user_id)
        from days group by grouping sets ((day), (day, platform)) order by all
        """
    )
    assert expected == run.published(
        "select activity_date, segment_value, dau from daily_active order by all"
    )
    expected = rows_of(
        f"""
        select
            day,
            (select count(distinct user_id) from {raw}
             where cast(event_time as date) between day - 6 and day),
            (select count(distinct user_id) from {raw}
             where cast(event_time as date) between day - 27 and day)
        from (values ('2024-01-05'), ('2024-01-20'), ('2024-02-09')) as days(text),
            lateral (select cast(text as date) as day)
        order by day
        """
    )
    assert expected == run.published(
        "select activity_date, wau, mau from daily_active where segment = 'all' "
        "and activity_date in ('2024-01-05', '2024-01-20', '2024-02-09') order by 1"
    )


def assert_retention_equals(run: DbtRun, raw: str) -> None:
    expected = rows_of(
        f"""
        with days as (
            select
                user_id,
                cast(event_time as date) as day,
                min(cast(event_time as date)) over (partition by user_id) as cohort
            from {raw}
        )
        select cohort, day - cohort, count(distinct user_id)
        from days group by 1, 2 order by all
        """
    )
    assert expected == run.published(
        "select cohort_start, period_number, retained_users from cohort_retention "
        "where period = 'day' and segment = 'all' and retained_users > 0 order by all"
    )


def assert_funnel_equals(run: DbtRun, raw: str) -> None:
    """Users per step: whether any entry was followed in order within the window."""
    expected = rows_of(
        f"""
        with views as (
            select user_id, event_time as at from {raw} where event_name = 'view'
        ),
        carts as (
            select views.user_id, views.at as entered_at, min(events.event_time) as at
            from views
            join {raw} as events
                on events.user_id = views.user_id
                and events.event_name = 'cart'
                and events.event_time between views.at and views.at + interval 7 day
            group by 1, 2
        ),
        buys as (
            select carts.user_id
            from carts
            join {raw} as events
                on events.user_id = carts.user_id
                and events.event_name = 'buy'
                and events.event_time
                between carts.at and carts.entered_at + interval 7 day
        )
        select
            (select count(distinct user_id) from views),
            (select count(distinct user_id) from carts),
            (select count(distinct user_id) from buys)
        """
    )
    found = run.published(
        "select users from funnel_steps where segment = 'all' order by step_number"
    )
    assert [tuple(users for (users,) in found)] == expected
