"""The cases asked of the table functions that a published file has.

    python -m tests.conformance.table_functions [FOLDER]

A table function says in other words what a macro says, wherever its arguments are known
only when it is called. So each case that one can answer is put to it, and its answer
compared with what the case expects, as run.py does with the macros.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from tests.conformance.case import BrokenCaseError, Case, load_events, read_case
from tests.conformance.reasons import reason_to_skip
from tests.conformance.render import render
from tests.conformance.run import DEFAULT_FOLDER, KINDS, Outcome, compare, summary

Rows = list[dict[str, Any]]


class NoTableFunctionError(Exception):
    """No table function answers a case; the text says why."""


def create_functions(
    connection: duckdb.DuckDBPyConnection, timezone: str = "UTC"
) -> None:
    """Creates the table functions as a publish does, beside empty tables to read."""
    connection.execute("""
        create table if not exists events (
            event_id varchar,
            user_id varchar,
            session_id varchar,
            event_name varchar,
            properties varchar,
            is_activity boolean,
            event_time timestamp
        )
    """)
    connection.execute("""
        create table if not exists user_segment_values (
            user_id varchar, segment varchar, segment_value varchar
        )
    """)
    connection.execute("""
        create table if not exists build_info (
            as_of_date date, data_start timestamp, data_end timestamp
        )
    """)
    for statement in statements(timezone):
        connection.execute(statement)


def statements(timezone: str = "UTC", marts: Sequence[str] | None = ()) -> list[str]:
    """The statements that create the functions, for a reporting timezone.

    marts: those that there are to read, by default none; None: all.
    """
    arguments = {"marts": None if marts is None else list(marts)}
    [script] = render(
        [("table_function_script", arguments)], {"reporting_timezone": timezone}
    )
    return json.loads(script)


def describe_build(connection: duckdb.DuckDBPyConnection) -> None:
    """Fills build_info from the table events, the last day being an open one."""
    connection.execute("""
        create or replace table build_info as
        select
            cast(max(event_time) as date) - 1 as as_of_date,
            min(event_time) as data_start,
            max(event_time) as data_end
        from events
    """)


def literal(value: Any) -> str:
    """A value as SQL; objects as JSON text, the elements of lists as well."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(literal(element) for element in value)}]"
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat(sep=' ')}'"
    if isinstance(value, timedelta):
        return f"to_microseconds({value // timedelta(microseconds=1)})"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return "'" + text.replace("'", "''") + "'"


def call(function: str, *positional: Any, **named: Any) -> str:
    """SQL of a call; a named argument that is None is left to its default."""
    arguments = [literal(value) for value in positional]
    arguments += [
        f"{name} := {literal(value)}"
        for name, value in named.items()
        if value is not None
    ]
    return f"{function}({', '.join(arguments)})"


def conditions(where: Sequence[dict[str, Any]] | None) -> str | None:
    """Conditions as the argument event_where."""
    return json.dumps(where) if where else None


def funnel_arguments(
    steps: Sequence[Any],
    window_seconds: float | None,
    order: str = "ordered",
    strictly_increasing: bool = False,
    exclusions: Sequence[dict[str, Any]] = (),
    where: Sequence[dict[str, Any]] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments of the functions of funnels."""
    window = None if window_seconds is None else timedelta(seconds=window_seconds)
    return [list(steps), window], {
        "step_order": order,
        "strictly_increasing": strictly_increasing or None,
        "exclusions": list(exclusions) or None,
        "event_where": conditions(where),
    }


def selector(selector: Any) -> Any:
    """A selector of a macro as an argument; None, for any event, is one as JSON too."""
    return {"event": None} if selector is None else selector


Ask = Callable[[str], Rows]


def _funnel(case: Case, ask: Ask, source: str) -> dict[str, Any]:
    params = case.params
    order = params.get("order", "ordered")
    if order not in ("ordered", "strict", "unordered"):
        raise NoTableFunctionError(f"order {order} is another tool's")
    positional, named = funnel_arguments(
        params["steps"],
        params.get("window_seconds"),
        order,
        params.get("same_timestamp") == "strictly_increasing",
        [
            {**each, "from_step": each["from_step"] + 1, "to_step": each["to_step"] + 1}
            for each in params.get("exclusions") or []
        ],
        params.get("where"),
    )
    named |= {
        "count_by": params.get("count_by"),
        "date_from": params.get("date_from"),
        "date_to": params.get("date_to"),
        "source": source,
    }
    got: dict[str, Any] = {}
    if set(case.expected) - {"breakdown", "bins", "levels"}:
        everyone = ask(f"select count(distinct user_id) as users from {source}")
        rows = ask(f"from {call('funnel', *positional, **named)}")
        got |= _steps(rows, everyone[0]["users"])
    if "levels" in case.expected:
        rows = ask(f"from {call('funnel_users', *positional, **named)}")
        levels = {row["actor_id"]: row["deepest_step"] for row in rows}
        got["levels"] = {user: levels.get(user, 0) for user in case.expected["levels"]}
    if "breakdown" in case.expected:
        [breakdown] = params["breakdown"]["properties"]
        rows = ask(f"from {call('funnel', *positional, **named, breakdown=breakdown)}")
        values = [expected["value"][0] for expected in case.expected["breakdown"]]
        values += sorted({row["segment_value"] for row in rows} - set(values))
        got["breakdown"] = [
            {"value": [value]}
            | _steps([row for row in rows if row["segment_value"] == value], None)
            for value in values
        ]
    return got


def _steps(rows: Rows, everyone: int | None) -> dict[str, Any]:
    return {
        "counts": [row["users"] for row in rows],
        "avg_seconds": [row["mean_seconds_from_previous"] for row in rows],
        "median_seconds": [row["median_seconds_from_previous"] for row in rows],
        "share_of_first": [row["conversion_from_start"] for row in rows],
        "share_of_previous": [row["conversion_from_previous"] for row in rows],
        "share_of_all": [row["users"] / everyone for row in rows] if everyone else None,
    }


def _retention(arguments: dict[str, Any]) -> str:
    if arguments.get("brackets"):
        raise NoTableFunctionError("retention has no brackets")
    period, week_start = arguments["period"], arguments["week_start"] or "monday"
    first, periods = arguments["date_from"], arguments["periods"]
    return call(
        "retention",
        selector(arguments["target"]),
        selector(arguments["returning"]),
        period=period,
        kind=arguments["kind"],
        last_period=periods,
        date_from=first,
        date_to=_range_end(period, first, periods, week_start, arguments["timezone"]),
        week_start=week_start,
        event_where=conditions(arguments["where"]),
        source=arguments["source"],
    )


def _range_end(
    period: str, first: str, periods: int, week_start: str, timezone: str
) -> str | datetime:
    """The last day, or the last instant, of so many periods."""
    if period == "hour":
        # A time of the clock would be two instants where the clock is put back.
        start = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(timezone))
        end = start.astimezone(UTC) + timedelta(hours=periods)
        return end - timedelta(microseconds=1)
    day = datetime.fromisoformat(first).date()
    if period == "month":
        months = day.year * 12 + day.month - 1 + periods
        return (date(months // 12, months % 12 + 1, 1) - timedelta(days=1)).isoformat()
    if period == "week":
        day -= timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    length = 7 * periods if period == "week" else periods
    return (day + timedelta(days=length - 1)).isoformat()


def _lifecycle(arguments: dict[str, Any]) -> str:
    return call("lifecycle", selector(arguments["event"]), **_range(arguments))


def _active_users(arguments: dict[str, Any]) -> str:
    if arguments.get("breakdown"):
        raise NoTableFunctionError(
            "active_users has no breakdown by events' properties"
        )
    [window] = arguments["windows"].values()
    day = {"hour": 24, "day": 1}.get(arguments["period"])
    if window % (day or 1) or (day is None and window > 1):
        raise NoTableFunctionError("active_users has windows of whole days")
    return call(
        "active_users",
        window // day if day else None,
        selector(arguments["event"]),
        **_range(arguments),
    )


def _range(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "period": arguments["period"],
        "week_start": arguments["week_start"],
        "date_from": arguments["date_from"],
        "date_to": arguments["date_to"],
        "event_where": conditions(arguments["where"]),
        "source": arguments["source"],
    }


CALLS: dict[str, Callable[[dict[str, Any]], str]] = {
    "retention_of_events": _retention,
    "lifecycle_of_events": _lifecycle,
    "active_users_of_events": _active_users,
}
"""A macro's arguments, and the source to read, as a call of a table function."""


def _by_questions(case: Case, ask: Ask, source: str) -> dict[str, Any]:
    """Answers the questions of a kind's module with table functions."""
    rows: dict[str, Rows] = {}
    for question in KINDS[case.kind].questions(case):
        if question.macro not in CALLS:
            raise NoTableFunctionError(
                f"no table function says what {question.macro} says"
            )
        found = CALLS[question.macro](
            {**question.arguments, "source": source, "timezone": case.timezone}
        )
        rows[question.name] = ask(f"from {found}")
        if question.arguments["period"] != "hour":
            # Functions give the start of any period as a time, macros a day as a day.
            for row in rows[question.name]:
                for column in {"cohort_start", "period_start"} & row.keys():
                    row[column] = row[column].date()
    return KINDS[case.kind].answer(case, rows)


ANSWERS = {"funnel": _funnel}


def run_folder(folder: Path) -> list[Outcome]:
    """Outcomes of all cases in a folder and below, in the order of their paths."""
    cases = {}
    outcomes = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            cases[name] = read_case(path)
        except BrokenCaseError as problem:
            outcomes[name] = Outcome(name, "failed", f"broken case: {problem}")
    for timezone in sorted({case.timezone for case in cases.values()}):
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            create_functions(connection, timezone)
            for name, case in cases.items():
                if case.timezone == timezone:
                    outcomes[name] = _outcome(connection, name, case)
    return [outcomes[name] for name in sorted(outcomes)]


def _outcome(connection: duckdb.DuckDBPyConnection, name: str, case: Case) -> Outcome:
    reason = reason_to_skip(case)
    if reason is not None:
        return Outcome(name, "skipped", reason)

    def ask(sql: str) -> Rows:
        result = connection.execute(sql)
        columns = [column[0] for column in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    load_events(connection, case)
    connection.execute("alter table events add column session_id varchar")
    connection.execute("alter table events add column is_activity boolean default true")
    describe_build(connection)
    try:
        got = ANSWERS.get(case.kind, _by_questions)(
            case, ask, _source(connection, case)
        )
    except NoTableFunctionError as reason:
        return Outcome(name, "skipped", str(reason))
    except duckdb.Error as problem:
        return Outcome(name, "failed", " ".join(str(problem).split())[:300])
    # Bins are another tool's histogram.
    expected = {key: value for key, value in case.expected.items() if key != "bins"}
    differences = list(compare(expected, got))
    if differences:
        return Outcome(name, "failed", differences[0])
    return Outcome(name, "passed", f"as expected: {', '.join(expected)}")


def _source(connection: duckdb.DuckDBPyConnection, case: Case) -> str:
    """The events, or a view of those of the users that the case asks about."""
    if not case.params.get("user_where"):
        return "events"
    [condition] = render([("event_filter", {"user_where": case.params["user_where"]})])
    connection.execute(
        f"create or replace view asked_users_events as from events where {condition}"
    )
    return "asked_users_events"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: prints the outcomes of a folder, gives the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    outcomes = run_folder(parser.parse_args(arguments).folder)
    for outcome in outcomes:
        print(outcome)
    print(summary(outcomes))
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
