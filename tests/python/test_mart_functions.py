"""A mart over a part of its days and users: what the mart says, and what events say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
import yaml

from tests.builds import PROJECT, DbtRun, published_file
from tests.conformance.table_functions import call

SEGMENTS = ("all", "plan", "platform")
# {function: (the mart, arguments of the function, condition on the mart)}
MARTS = {
    "daily_active_in": ("daily_active", {}, "true"),
    "stickiness_in": ("stickiness", {"window_days": 7}, "window_days = 7"),
    **{
        f"{mart}_in {period}": (mart, {"period": period}, f"period = '{period}'")
        for mart in ("lifecycle", "cohort_retention", "retention_curves")
        for period in ("day", "week", "month")
    },
}
# Columns that an argument chooses among, or that a part of a mart has no use for.
ELSEWHERE = {
    "segment",
    "period",
    "window_days",
    "retained_on_or_after_users",
    "retained_through_users",
    "retained_elapsed_users",
    "retention_on_or_after_rate",
    "retention_through_rate",
    "retention_elapsed_rate",
    "is_elapsed_complete",
    "step_order",
    "window_seconds",
}


@pytest.fixture(scope="module")
def seeds(seeds_build: DbtRun) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the mock product."""
    path = published_file(seeds_build.warehouse)
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def differences(
    connection: duckdb.DuckDBPyConnection, one: str, other: str
) -> list[tuple]:
    """Rows that only one of two queries has, their fractions to 9 digits."""
    rows = [rounded(connection, sql) for sql in (one, other)]
    assert rows[0]
    return sorted(rows[0] ^ rows[1], key=str)[:6]


def rounded(connection: duckdb.DuckDBPyConnection, sql: str) -> set[tuple]:
    found = connection.execute(sql).fetchall()
    as_set = {
        tuple(round(value, 9) if isinstance(value, float) else value for value in row)
        for row in found
    }
    assert len(as_set) == len(found)
    return as_set


def columns_of(connection: duckdb.DuckDBPyConnection, mart: str) -> str:
    described = connection.execute(f"describe {mart}").fetchall()
    return ", ".join(row[0] for row in described if row[0] not in ELSEWHERE)


@pytest.mark.parametrize("name", MARTS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_without_limits_it_is_the_mart(
    name: str, segment: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    mart, arguments, condition = MARTS[name]
    columns = columns_of(seeds, mart)
    function = call(name.split()[0], **arguments, segment=segment)
    of_mart = f"from {mart} where segment = '{segment}' and {condition}"
    assert (
        differences(
            seeds, f"select {columns} from {function}", f"select {columns} {of_mart}"
        )
        == []
    )


@pytest.mark.parametrize("name", MARTS)
@pytest.mark.parametrize("segment", SEGMENTS[1:])
def test_all_values_together_are_everyone(
    name: str, segment: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    _, arguments, _ = MARTS[name]
    function = name.split()[0]
    together = call(function, **arguments, segment=segment, by_value=False)
    everyone = call(function, **arguments)
    assert differences(seeds, f"from {together}", f"from {everyone}") == []


@pytest.mark.parametrize("segment", SEGMENTS)
def test_funnels_without_limits_are_the_marts(
    segment: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    for (funnel,) in seeds.execute(
        "select distinct funnel from funnel_steps"
    ).fetchall():
        for mart, arguments in (
            ("funnel_steps", {}),
            *(("funnel_trends", {"period": p}) for p in ("day", "week", "month")),
        ):
            # Of the definition, the same in every row: who asks by name knows them.
            columns = columns_of(seeds, mart).replace("funnel, ", "")
            for column in ("step_order", "window_seconds"):
                columns = columns.replace(f"{column}, ", "")
            function = call(f"{mart}_in", funnel, **arguments, segment=segment)
            condition = f"funnel = '{funnel}' and segment = '{segment}'"
            if arguments:
                condition += f" and period = '{arguments['period']}'"
            assert (
                differences(
                    seeds,
                    f"select {columns} from {function}",
                    f"select {columns} from {mart} where {condition}",
                )
                == []
            ), (funnel, mart)


def test_a_funnel_in_a_range_is_that_of_the_events(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    columns = """
        segment_value, step_number, step_name, users, conversion_from_start,
        conversion_from_previous, dropped_users, pending_users, matured_entrants,
        matured_conversion, ci_low, ci_high, median_seconds_from_previous
    """
    limits = {"date_from": "2026-03-10", "date_to": "2026-06-28", "segment": "plan"}
    for funnel in project["vars"]["funnels"]:
        of_events = call(
            "funnel",
            [json.dumps(step) for step in funnel["steps"]],
            timedelta(days=funnel["window_days"]),
            **limits,
        )
        of_mart = call("funnel_steps_in", funnel["name"], **limits)
        one, other = (f"select {columns} from {name}" for name in (of_events, of_mart))
        assert differences(seeds, one, other) == []


def test_days_and_values_are_the_ones_asked_for(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    limits = {"date_from": "2026-03-10", "date_to": "2026-04-02"}
    plans = {"segment": "plan", "segment_values": ["free", "team"]}
    days = call("daily_active_in", **limits, **plans)
    assert seeds.execute(f"""
        select min(activity_date), max(activity_date), list(distinct segment_value
            order by segment_value) from {days}
    """).fetchone() == (date(2026, 3, 10), date(2026, 4, 2), ["free", "team"])
    for function in ("lifecycle_in", "activation_in"):
        starts = call(function, **limits, **plans)
        assert seeds.execute(
            f"select min(period_start), max(period_start) from {starts}"
        ).fetchone() == (date(2026, 3, 9), date(2026, 3, 30))
    trend = call("funnel_trends_in", "purchase", **limits, **plans, by_value=False)
    steps = call("funnel_steps_in", "purchase", **limits, **plans, by_value=False)
    counts = "step_number, sum(users), sum(dropped_users), sum(pending_users)"
    assert (
        differences(
            seeds,
            f"select {counts} from {trend} group by step_number",
            f"select {counts} from {steps} group by step_number",
        )
        == []
    )


def test_values_can_be_bound(seeds: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select sum(dau) from daily_active_in(
            segment := $segment, segment_values := $values, by_value := $by_value,
            date_from := $start, date_to := $end
        )
    """
    bound = {"segment": "plan", "values": ["free"], "by_value": False}
    days = {"start": date(2026, 3, 1), "end": date(2026, 3, 31)}
    expected = seeds.execute("""
        select sum(dau) from daily_active
        where segment = 'plan' and segment_value = 'free'
            and activity_date between '2026-03-01' and '2026-03-31'
    """).fetchall()
    assert seeds.execute(sql, {**bound, **days}).fetchall() == expected


def test_activation_by_sign_up_is_that_of_the_users(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    counted = """
        select period_start, signed_up_users, matured_users, activated_users
        from activation_in('month', segment := 'plan', segment_values := ['free'])
    """
    users = """
        select
            date_trunc('month', signed_up_at)::date as period_start,
            count(*),
            count(*) filter (is_matured),
            count(*) filter (is_matured and is_activated)
        from activation
        semi join (
            from user_segment_values
            where segment = 'plan' and segment_value = 'free'
        ) as chosen using (user_id)
        group by 1
    """
    assert differences(seeds, counted, users) == []


def test_users_of_a_week_of_sign_ups_are_as_many_as_it_counts(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    weeks = seeds.execute("""
        select period_start, signed_up_users, matured_users, activated_users
        from activation_in('week', segment := 'plan', segment_values := ['free'])
    """).fetchall()
    assert weeks
    for start, *counts in weeks:
        listed = seeds.execute(
            """
            select
                count(*),
                count(*) filter (is_matured),
                count(*) filter (is_matured and is_activated)
            from activation_users_in(
                'week', segment := 'plan', segment_values := ['free'],
                date_from := $start, date_to := $start
            )
            """,
            {"start": start},
        ).fetchone()
        assert list(listed) == counts


@pytest.mark.parametrize("segment", ["all", "plan"])
def test_active_users_are_as_many_as_the_mart_counts(
    segment: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    rows = seeds.execute(
        """
        select segment_value, activity_date, dau, wau, mau from daily_active
        where segment = $segment
        order by hash(activity_date), segment_value limit 12
        """,
        {"segment": segment},
    ).fetchall()
    for value, day, *counts in rows:
        listed = [
            seeds.execute(
                """
                select count(*), count(distinct user_id) from active_users_in(
                    segment := $segment, segment_values := [$value],
                    date_from := $start, date_to := $day
                )
                """,
                {
                    "segment": segment,
                    "value": value,
                    "start": day - timedelta(days=length - 1),
                    "day": day,
                },
            ).fetchone()
            for length in (1, 7, 28)
        ]
        assert listed == [(count, count) for count in counts]


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_users_of_a_state_are_as_many_as_the_mart_counts(
    period: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    rows = seeds.execute(
        """
        select segment, segment_value, period_start, new_users, returning_users,
            resurrected_users, dormant_users
        from lifecycle
        where period = $period and segment in ('all', 'plan')
        order by hash(period_start, segment_value) limit 12
        """,
        {"period": period},
    ).fetchall()
    assert rows
    for segment, value, start, *counts in rows:
        for state, count in zip(
            ("new", "returning", "resurrected", "dormant"), counts, strict=True
        ):
            listed = seeds.execute(
                """
                select count(distinct user_id), count(*) from lifecycle_users_in(
                    $state, $start, period := $period, segment := $segment,
                    segment_values := [$value]
                )
                """,
                {
                    "state": state,
                    "start": start,
                    "period": period,
                    "segment": segment,
                    "value": value,
                },
            ).fetchone()
            assert listed == (count, count), (start, state)


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("retained", ["on", "on_or_after"])
def test_users_of_a_cohort_are_as_many_as_the_mart_counts(
    period: str, retained: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    cells = seeds.execute(
        """
        select segment_value, cohort_start, period_number, cohort_users,
            retained_users, is_complete
        from cohort_retention_in($period, segment := 'plan', retained := $retained)
        order by hash(cohort_start, period_number, segment_value) limit 15
        """,
        {"period": period, "retained": retained},
    ).fetchall()
    assert cells
    for value, start, number, *cell in cells:
        listed = seeds.execute(
            """
            select count(*), count(*) filter (is_retained), bool_and(is_complete)
            from retention_users_in(
                $number, period := $period, segment := 'plan',
                segment_values := [$value], date_from := $start, date_to := $start,
                retained := $retained
            )
            """,
            {
                "number": number,
                "period": period,
                "value": value,
                "start": start,
                "retained": retained,
            },
        ).fetchone()
        assert list(listed) == cell, (start, number)


def test_users_behind_a_curve_are_those_of_its_complete_cells(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    for number, users, retained in seeds.execute("""
        select period_number, cohort_users, retained_users
        from retention_curves_in('week', date_from := '2026-03-04')
    """).fetchall():
        assert seeds.execute(
            """
            select count(*), count(*) filter (is_retained)
            from retention_users_in($number, date_from := '2026-03-04')
            where is_complete
            """,
            {"number": number},
        ).fetchone() == (users, retained)


def test_brackets_pool_the_cohorts_that_are_over(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    pooled = """
        select first_period_number, cohorts, cohort_users, retained_users
        from retention_brackets_in('day')
    """
    mart = """
        select first_period_number, count(*), sum(cohort_users)::bigint,
            sum(retained_users)::bigint
        from retention_brackets
        where period = 'day' and segment = 'all' and is_complete
        group by first_period_number
    """
    assert differences(seeds, pooled, mart) == []


def test_times_to_convert_are_of_all_who_did(seeds: duckdb.DuckDBPyConnection) -> None:
    bins = seeds.execute("""
        select sum(users) from time_to_convert_in('purchase', 2, 3)
    """).fetchone()
    reached = seeds.execute("""
        select users from funnel_steps
        where funnel = 'purchase' and segment = 'all' and step_number = 3
    """).fetchone()
    assert bins == reached


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("daily_active_in(segment := 'shoe_size')", "segment: got 'shoe_size'"),
        ("funnel_steps_in('purchase', segment := 'x')", "segment: got 'x'"),
        ("funnel_steps_in('shoes')", "funnel: got 'shoes', allowed are: first week"),
        ("lifecycle_in('year')", "period: got 'year', allowed are: day, week, month"),
        ("activation_in('year')", "period: got 'year'"),
        ("cohort_retention_in('year')", "period: got 'year'"),
        (
            "cohort_retention_in(retained := 'rolling')",
            "retained: got 'rolling', allowed are: on, on_or_after, through",
        ),
        ("lifecycle_users_in('gone', '2026-03-02')", "state: got 'gone'"),
        ("retention_users_in(1, retained := 'through')", "retained: got 'through'"),
    ],
)
def test_a_wrong_argument_is_named(
    asked: str, said: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(duckdb.Error, match=re.escape(said)):
        seeds.execute(f"from {asked}").fetchall()


def test_users_of_a_path_are_as_many_as_the_mart_counts(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    rows = seeds.execute("""
        (
            select * from path_transitions
            where segment in ('all', 'plan') order by hash(columns(*)) limit 12
        )
        union all
        (
            select * from path_transitions
            where segment = 'all' and to_event in ('(exit)', '(continues)', '(other)')
            qualify row_number() over (partition by to_event order by transitions desc) = 1
        )
    """).df()
    assert len(rows) >= 14
    for row in rows.to_dict("records"):
        listed = seeds.execute(
            """
            select count(*), sum(transitions)
            from path_users_in(
                $from_event, $to_event, from_step := $from_step, segment := $segment,
                segment_values := [$segment_value], date_from := $period_start,
                date_to := last_day($period_start::date)
            )
            """,
            {
                name: row[name]
                for name in (
                    "from_event",
                    "to_event",
                    "from_step",
                    "segment",
                    "segment_value",
                    "period_start",
                )
            },
        ).fetchone()
        assert listed == (row["users"], row["transitions"])


def test_a_path_of_no_known_event_is_refused_by_name(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(duckdb.Error, match="from_event: got 'nothing', allowed are: "):
        seeds.execute("from path_users_in('nothing', '(exit)')").fetchall()


@pytest.mark.parametrize(
    ("mart", "order"),
    [
        ("funnel_attempts", "funnel, is_headline desc, actor_id, attempt_number"),
        ("user_segment_values", "segment, segment_value, user_id"),
    ],
)
def test_what_is_asked_for_together_stands_together(
    mart: str, order: str, seeds: duckdb.DuckDBPyConnection
) -> None:
    stored = seeds.execute(f"select rowid from {mart} order by {order}").fetchall()
    assert stored
    assert stored == sorted(stored)
