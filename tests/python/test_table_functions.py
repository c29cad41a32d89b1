"""The table functions of the published file say what the macros and the marts say."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from test_oracle_funnel import GROUPS, Case

from tests.builds import PROJECT, DbtRun, published_file
from tests.conformance.render import render
from tests.conformance.run import DEFAULT_FOLDER
from tests.conformance.table_functions import (
    call,
    create_functions,
    describe_build,
    funnel_arguments,
    literal,
    run_folder,
)

USERS = 2000
PAGE = PROJECT / "docs" / "ad_hoc_queries.md"
EXAMPLE = re.compile(r"```sql\n(?P<sql>[^`]*)```\n\n```text\n(?P<shown>[^`]*)```")
PROPERTIES: tuple[Any, ...] = ("p", None, "q", "P q", True, 20, "it's")
MAP = {"property": "v", "op": "eq", "value": "p"}


def connected(events: list[tuple[Any, ...]]) -> duckdb.DuckDBPyConnection:
    """A database as a publish makes it, with the events given."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    create_functions(connection)
    columns = ["user_id", "event_name", "event_time", "properties", "session_id"]
    frame = pd.DataFrame(events, columns=columns)
    frame["event_id"] = [f"{number * 7919 % 100_003}" for number in range(len(frame))]
    frame["is_activity"] = True
    connection.execute("insert into events by name select * from frame")
    connection.execute("""
        insert into user_segment_values
        select
            user_id,
            unnest(['all', 'plan']) as segment,
            unnest(['all', if(hash(user_id) % 2 = 0, 'free', 'pro')]) as segment_value
        from (select distinct user_id from events)
    """)
    describe_build(connection)
    return connection


def drawn_events(
    starts: tuple[str, ...], units: tuple[timedelta, ...], most: int
) -> list:
    """Events of many users that fall together, at edges and a moment beside them."""
    drawn = random.Random(20260329)
    events = []
    for user in range(USERS):
        for _ in range(drawn.randint(0, most)):
            at = datetime.fromisoformat(drawn.choice(starts))
            at += drawn.randint(0, 9) * drawn.choice(units)
            at += timedelta(microseconds=drawn.choice((0, 0, 0, 1, -1)))
            value, session = drawn.choice(PROPERTIES), drawn.randint(0, 2)
            properties = {} if value is None else {"v": value}
            if session:
                properties["s"] = f"{user}:{session}"
            text = json.dumps(properties)
            name = drawn.choice("abcdx")
            events.append((f"u{user}", name, at, text, properties.get("s")))
    return events


@pytest.fixture(scope="module")
def seconds() -> Iterator[duckdb.DuckDBPyConnection]:
    """Events of a few seconds, for funnels and paths."""
    events = drawn_events(("2026-03-29 00:59:55",), (timedelta(seconds=1),), 9)
    with connected(events) as connection:
        yield connection


@pytest.fixture(scope="module")
def months() -> Iterator[duckdb.DuckDBPyConnection]:
    """Events around the edges of days, weeks and months."""
    starts = ("2026-01-01", "2026-01-29", "2026-02-25 23:00:00", "2026-03-01")
    units = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
    with connected(drawn_events(starts, units, 7)) as connection:
        yield connection


def attempts_call(case: Case, function: str = "funnel_attempts_of") -> str:
    """The call of a function of funnels that a case of the macro is."""
    positional, named = funnel_arguments(
        case.steps,
        case.window,
        case.order,
        case.strictly_increasing,
        case.exclusions,
        case.more.get("where"),
    )
    if case.more.get("count_by") == "s":
        named["count_by"] = {"property": "s"}
    return call(function, *positional, **named)


@pytest.mark.parametrize("group", GROUPS)
def test_attempts_are_those_of_the_macro(
    group: str, seconds: duckdb.DuckDBPyConnection
) -> None:
    cases = [case for case in GROUPS[group] if "user_where" not in case.more]
    calls = [("funnel", case.arguments) for case in cases]
    ranked = render(
        [
            ("funnel_ranked", {"attempts": "attempts", "steps": case.full_steps})
            for case in cases
        ]
    )
    columns = (
        "actor_id, user_id, entry_event_id, entry_properties, attempt_number,"
        " deepest_step, step_times, is_headline, is_first, had_tie,"
        " ended_by_exclusion, entered_at"
    )
    for case, attempts, ranks in zip(cases, render(calls), ranked, strict=True):
        macro = f"with attempts as ({attempts}) select {columns} from ({ranks})"
        function = f"select {columns} from {attempts_call(case)}"
        assert differences(seconds, macro, function) == [], case.name


def differences(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> list:
    """Rows that only one of two queries has, and how often; there must be some rows."""
    connection.execute(f"create or replace temp table one as {one}")
    connection.execute(f"create or replace temp table other as {other}")
    assert connection.execute("select count(*) from one").fetchone() != (0,)
    return connection.execute("""
        (select 'one' as has, * from (from one except all from other))
        union all
        (select 'other' as has, * from (from other except all from one))
        limit 5
    """).fetchall()


def test_a_funnel_counts_headline_attempts(seconds: duckdb.DuckDBPyConnection) -> None:
    case = Case(["a", "b", "c"], 4)
    positional, named = funnel_arguments(case.steps, case.window)
    sliced = call("funnel", *positional, **named, segment="plan")
    counted = f"""
        select segment_value, step_number, users, pending_users + dropped_users as lost
        from {sliced}
    """
    attempts = f"""
        select
            segments.segment_value,
            step_number,
            count(step_times[step_number]) as users,
            count(*) filter (
                step_number > 1
                and step_times[step_number] is null
                and step_times[step_number - 1] is not null
            ) as lost
        from {attempts_call(case)} as attempts
        cross join range(1, 4) as steps(step_number)
        inner join user_segment_values as segments
            on attempts.user_id = segments.user_id and segments.segment = 'plan'
        where attempts.is_headline
        group by all
    """
    assert differences(seconds, counted, attempts) == []


RANGE = {"date_from": "2026-01-08", "date_to": "2026-02-27"}
TIMES = {"date_from": "2026-01-29 01:00:00", "date_to": "2026-01-31 12:00:00"}
ANY = {"event": None}
PERIODS = [
    {"period": "day", **RANGE},
    {"period": "week"},
    {"period": "week", "week_start": "sunday", **RANGE},
    {"period": "month"},
    {"period": "month", "date_from": "2026-02-03"},
    {"period": "hour", **TIMES},
]


@pytest.mark.parametrize("target", [None, "a", {"event": "b", "where": [MAP]}])
@pytest.mark.parametrize("kind", ["first_time", "recurring"])
def test_retention_is_that_of_the_macro(
    target: Any, kind: str, months: duckdb.DuckDBPyConnection
) -> None:
    columns = """
        segment, segment_value, period_number, cohort_users, retained_users,
        retained_on_or_after_users, retained_through_users, retained_elapsed_users,
        is_complete, is_elapsed_complete,
        cast(cohort_start as timestamp) as cohort_start
    """
    questions = [
        {
            "target": target,
            "returning": returning,
            "kind": kind,
            "last_period": 8,
            **period,
        }
        for period in PERIODS
        for returning in (None, "b")
    ]
    macros = render(
        [("retention_of_events", {"events": "events", **q}) for q in questions]
    )
    for question, macro in zip(questions, macros, strict=True):
        named = {
            key: question[key] for key in question.keys() - {"target", "returning"}
        }
        function = call(
            "retention",
            question["target"] or ANY,
            question["returning"] or ANY,
            **named,
        )
        assert (
            differences(
                months,
                f"select {columns} from ({macro})",
                f"select {columns} from {function}",
            )
            == []
        ), question


@pytest.mark.parametrize("event", [None, {"event": "b", "where": [MAP]}])
def test_lifecycle_is_that_of_the_macro(
    event: Any, months: duckdb.DuckDBPyConnection
) -> None:
    columns = """
        segment, segment_value, new_users, returning_users, resurrected_users,
        dormant_users, active_users, cast(period_start as timestamp) as period_start
    """
    macros = render(
        [
            ("lifecycle_of_events", {"events": "events", "event": event, **p})
            for p in PERIODS
        ]
    )
    for period, macro in zip(PERIODS, macros, strict=True):
        function = call("lifecycle", event or ANY, **period)
        assert (
            differences(
                months,
                f"select {columns} from ({macro})",
                f"select {columns} from {function}",
            )
            == []
        ), period


@pytest.mark.parametrize(
    ("period", "days"), [("hour", 2), ("day", 1), ("day", 9), ("week", 1)]
)
def test_active_users_are_those_of_the_macro(
    period: str, days: int, months: duckdb.DuckDBPyConnection
) -> None:
    columns = (
        "segment, segment_value, users, cast(period_start as timestamp) as period_start"
    )
    for limits in ({}, RANGE, TIMES):
        arguments = {"period": period, **limits}
        length = 24 * days if period == "hour" else days
        [macro] = render(
            [
                (
                    "active_users_of_events",
                    {"events": "events", "windows": {"users": length}} | arguments,
                )
            ]
        )
        window = days if period in ("hour", "day") else None
        function = call("active_users", window, ANY, **arguments)
        assert (
            differences(
                months,
                f"select {columns} from ({macro})",
                f"select {columns} from {function}",
            )
            == []
        ), arguments


def test_stickiness_is_that_of_the_macro(months: duckdb.DuckDBPyConnection) -> None:
    columns = """
        segment, segment_value, window_days, active_days, users_exact, users_at_least,
        active_users, as_of_date
    """
    months.execute("""
        create or replace temp table user_days as
        select distinct user_id, cast(event_time as date) as activity_date from events
    """)
    months.execute("""
        create or replace temp view plan_values as
        from user_segment_values where segment = 'plan'
    """)
    for day in ("2026-01-09", "2026-02-28"):
        [macro] = render(
            [
                (
                    "stickiness",
                    {
                        "user_days": "user_days",
                        "user_segments": "plan_values",
                        "as_of_dates": f"(select date '{day}' as as_of_date)",
                        "windows": [12],
                    },
                )
            ]
        )
        function = call("stickiness", 12, day, segment="plan")
        assert (
            differences(
                months,
                f"select {columns} from ({macro})",
                f"select {columns} from {function}",
            )
            == []
        )


@pytest.mark.parametrize("start_point", [None, "a"])
@pytest.mark.parametrize("end_point", [None, "b"])
def test_paths_are_those_of_the_macro(
    start_point: str | None, end_point: str | None, seconds: duckdb.DuckDBPyConnection
) -> None:
    columns = "from_step, from_node, to_step, to_node, transitions, users"
    arguments = {
        "start_point": start_point,
        "end_point": end_point,
        "max_steps": 3,
        "top_nodes": 2,
    }
    [macro] = render([("paths", {"events": "events", **arguments})])
    function = call("paths", **arguments)
    assert (
        differences(
            seconds,
            f"select {columns} from ({macro})",
            f"select {columns} from {function}",
        )
        == []
    )


def test_every_case_that_a_table_function_can_answer_passes() -> None:
    outcomes = run_folder(DEFAULT_FOLDER)
    assert [str(one) for one in outcomes if one.status == "failed"] == []
    assert {one.name.split("/")[0] for one in outcomes if one.status == "passed"} >= {
        "active_users",
        "lifecycle",
        "retention",
    }


WRONG = [
    ("funnel([])", "steps: got no steps"),
    ("funnel(null)", "steps: got no steps"),
    ("funnel(['a', null])", "steps: got NULL"),
    ("funnel(['a', ''])", "steps: got an empty text"),
    ("""funnel(['{"event":'])""", "which is not valid JSON"),
    ("""funnel(['{"evnt": "a"}'])""", "allowed keys are: event, where"),
    ("""funnel(['{"name": "a"}'])""", "which has no event"),
    ("""funnel(['{"event": "a", "optional": true}'])""", "step 1 is optional"),
    (
        """funnel(['a', '{"event": "a", "optional": true}'], step_order := 'strict')""",
        "step 2 is optional",
    ),
    (
        """funnel(['{"event": "a", "where": [{"property": "v", "op": "gt"}]}'])""",
        "steps, op: got 'gt', allowed are: eq, neq, is_set, icontains, not_icontains",
    ),
    (
        """funnel(['{"event": "a", "where": [{"property": "v"}]}'])""",
        "a condition needs a value",
    ),
    (
        "funnel(list_resize(['a'], 17, 'a'))",
        "steps: got 17 with the exclusions, allowed are at most 16",
    ),
    (
        "funnel(['a'], step_order := 'sideways')",
        "step_order: got 'sideways', allowed are: ordered, strict, unordered",
    ),
    ("funnel(['a'], -interval 1 day)", "within: got -1 day"),
    (
        "funnel(['a'], segment := 'shoe_size')",
        "segment: got 'shoe_size', allowed are: all, plan",
    ),
    (
        "funnel(['a'], segment := 'plan', breakdown := 'v')",
        "breakdown: got 'v' and segment 'plan'",
    ),
    (
        "funnel(['a'], count_by := 'team')",
        "count_by: got 'team', allowed are: user, session",
    ),
    ("funnel(['a'], date_from := 'June')", "date_from: got 'June'"),
    (
        "funnel(['a'], event_where := 'v')",
        "event_where: got v, allowed is JSON of a list",
    ),
    ("funnel(['a', 'b'], exclusions := ['x'])", "exclusions: got x, each is JSON"),
    (
        """funnel(['a', 'b'], exclusions := ['{"event": "x", "from_step": 1}'])""",
        "with steps from 1 to 2",
    ),
    (
        "retention(period := 'year')",
        "period: got 'year', allowed are: hour, day, week, month",
    ),
    (
        "retention(kind := 'last')",
        "kind: got 'last', allowed are: first_time, recurring",
    ),
    (
        "retention(week_start := 'friday')",
        "week_start: got 'friday', allowed are: monday, sunday",
    ),
    ("retention(segment := 'x')", "segment: got 'x', allowed are: all, plan"),
    ("retention(last_period := -1)", "last_period: got -1"),
    ("retention('')", "target: got an empty text"),
    ("retention_users(kind := 'last')", "kind: got 'last'"),
    ("active_users(0)", "window_days: got 0"),
    ("active_users(7, period := 'week')", "window_days: got 7 for the period week"),
    ("lifecycle(period := 'year')", "period: got 'year'"),
    ("stickiness(0)", "window_days: got 0"),
    ("paths(max_steps := 0)", "max_steps: got 0"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_wrong_argument_is_named(
    wrong: str, message: str, seconds: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(duckdb.Error, match=re.escape(message)):
        seconds.execute(f"from {wrong}").fetchall()


def test_without_events_every_function_answers() -> None:
    with duckdb.connect() as connection:
        create_functions(connection)
        steps = connection.execute("select users from funnel(['a', 'b'])").fetchall()
        assert steps in ([(0,), (0,)], [])
        for function in (
            "retention",
            "active_users",
            "lifecycle",
            "stickiness",
            "paths",
        ):
            assert connection.execute(f"from {function}()").fetchall() == []


PURCHASE = """
    ['visit', 'signup', 'plan_created', 'meal_cooked', 'subscription_started']
"""
# What is asked: of the mart, of the function, and the columns to compare.
MARTS = {
    "funnel": (
        "funnel_steps where funnel = 'purchase' and segment = '{segment}'",
        f"funnel({PURCHASE}, segment := '{{segment}}')",
        """
        segment_value, step_number, users, conversion_from_start,
        conversion_from_previous, dropped_users, pending_users, matured_entrants,
        matured_users, matured_conversion, ci_low, ci_high,
        median_seconds_from_previous, p25_seconds_from_previous,
        p75_seconds_from_previous, p90_seconds_from_previous, median_seconds_from_start
        """,
    ),
    # Cohorts of nobody are rows of the function and not of the mart.
    "retention": (
        "cohort_retention where period = 'week' and segment = '{segment}'",
        "retention('signup', segment := '{segment}') where cohort_users > 0",
        """
        segment_value, period_number, cohort_users, retained_users,
        retained_on_or_after_users, retention_rate, retention_on_or_after_rate, ci_low,
        ci_high, is_complete, cast(cohort_start as date) as cohort_start
        """,
    ),
    "active users": (
        """
        (
            select *, mau as users, is_full_window_mau as is_full_window,
                activity_date as period_start
            from daily_active where segment = '{segment}'
        )
        """,
        "active_users(28, segment := '{segment}')",
        """
        segment_value, users, is_complete, is_full_window,
        cast(period_start as date) as period_start
        """,
    ),
    "lifecycle": (
        "main.lifecycle where period = 'month' and segment = '{segment}'",
        "lifecycle(period := 'month', segment := '{segment}')",
        """
        segment_value, new_users, returning_users, resurrected_users, dormant_users,
        active_users, quick_ratio, is_complete,
        cast(period_start as date) as period_start
        """,
    ),
}


@pytest.mark.parametrize("segment", ["all", "channel"])
@pytest.mark.parametrize("mart", MARTS)
def test_the_functions_of_a_publish_give_the_marts(
    mart: str, segment: str, published: duckdb.DuckDBPyConnection
) -> None:
    one, other, columns = MARTS[mart]
    assert (
        differences(
            published,
            f"select {columns} from {one.format(segment=segment)}",
            f"select {columns} from {other.format(segment=segment)}",
        )
        == []
    )


@pytest.fixture(scope="module")
def published(seeds_build: DbtRun) -> Iterator[duckdb.DuckDBPyConnection]:
    """A client that may read the published file and what lies beside it, no more."""
    with client(seeds_build.warehouse) as connection:
        yield connection


def client(warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Opens the published file as the page says for a client without access."""
    connection = duckdb.connect(str(published_file(warehouse)), read_only=True)
    folder = (warehouse / "published").resolve()
    connection.execute(f"set allowed_directories = [{literal(f'{folder}/')}]")
    connection.execute("set enable_external_access = false")
    return connection


def test_an_attached_file_answers_once_it_is_in_use(seeds_build: DbtRun) -> None:
    file = published_file(seeds_build.warehouse)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as product (read_only)")
        connection.execute("use product")
        rows = connection.execute("select users from funnel(['visit', 'signup'])")
        assert len(rows.fetchall()) == 2


def shown(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """A query's answer as the page shows it: columns set apart, rates to 4 digits."""
    result = connection.execute(sql)
    header = [column[0] for column in result.description]
    rows = [[_text(value) for value in row] for row in result.fetchall()]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [header, *rows]
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def test_the_page_shows_what_the_published_file_gives(
    published: duckdb.DuckDBPyConnection,
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(EXAMPLE.findall(text)) >= 8
    given = EXAMPLE.sub(
        lambda example: (
            f"```sql\n{example['sql']}```\n\n"
            f"```text\n{shown(published, example['sql'])}```"
        ),
        text,
    )
    if os.environ.get("WRITE_PAGE"):
        PAGE.write_text(given, encoding="utf-8")
    else:
        assert text == given
