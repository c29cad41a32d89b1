"""The seeds are what generate.py makes, and hold what planted_truth.json says.

Everything is counted from the raw CSV files in plain SQL, by other means than the
generator's and the warehouse's, so that neither can agree with its own mistake.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from scipy.stats import chi2_contingency

from seeds import generate

SEEDS = Path(__file__).parents[2] / "seeds"
CSV_FILES = ("users.csv", "sessions.csv", "events.csv", "excluded_users.csv")
FILES = (*CSV_FILES, "planted_truth.json")
# Normal quantile: there are hundreds of cells, so a fair one is rarely this far out.
WIDE = 4.0

GOOD_EVENTS = """
    create table good_events as
    with typed as (
        select
            * exclude (event_time, received_at),
            try_cast(event_time as timestamp) as event_time,
            cast(received_at as timestamp) as received_at
        from events
    ),
    kept as (
        select * from typed
        where
            (user_id is not null or anonymous_id is not null)
            and (user_id is null or user_id in (select user_id from users))
            and event_time <= received_at
            and event_name is not null
        qualify row_number() over (partition by event_id order by received_at desc) = 1
    ),
    links as (
        select anonymous_id, arg_max(user_id, event_time) as linked_user_id
        from kept
        where user_id is not null and anonymous_id is not null
        group by anonymous_id
    )
    select
        kept.*,
        coalesce(kept.user_id, links.linked_user_id, kept.anonymous_id) as person
    from kept
    left join links using (anonymous_id)
"""

ORDINARY = """
    create table ordinary_users as
    select
        user_id,
        arg_min(plan, signed_up_at) as plan,
        any_value(channel) as channel,
        any_value(platform) as platform,
        strftime(min(cast(signed_up_at as timestamp)), '%Y-%m') as signup_month,
        min(cast(signed_up_at as timestamp)) as signed_up_at
    from users
    where user_id not in (select user_id from excluded_users)
    group by user_id;

    create table ordinary_events as
    select * from good_events
    where person not in (select user_id from excluded_users);

    create table active_days as
    select distinct person, cast(event_time as date) as active_date
    from ordinary_events
    where event_name != 'reminder_received'
"""


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((SEEDS / "planted_truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def seeds() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for name in CSV_FILES:
        connection.execute(
            f"create table {name.removesuffix('.csv')} as "
            f"from read_csv('{SEEDS / name}', all_varchar=true, header=true)"
        )
    connection.execute(GOOD_EVENTS)
    connection.execute(ORDINARY)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def personas(seeds: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Ordinary users by persona; their personas are in table user_personas."""
    seeds.execute("create table user_personas (person varchar, persona varchar)")
    ordinary = {row[0] for row in seeds.execute("from ordinary_users").fetchall()}
    rows = [row for row in generate.personas().items() if row[0] in ordinary]
    seeds.executemany("insert into user_personas values (?, ?)", rows)
    counts = "select persona, count(*) from user_personas group by persona"
    return dict(seeds.execute(counts).fetchall())


def number(seeds: duckdb.DuckDBPyConnection, query: str) -> Any:
    return seeds.execute(query).fetchall()[0][0]


def within(observed: float, expected: float, sd: float) -> bool:
    """Whether an observed share is a fair draw; half a percent covers the rounding."""
    return abs(observed - expected) <= WIDE * sd + 0.005


def test_generator_reproduces_the_committed_files(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, SEEDS / "generate.py", "--output", tmp_path], check=True
    )
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (SEEDS / name).read_bytes(), name


def test_seeds_are_small() -> None:
    assert sum((SEEDS / name).stat().st_size for name in FILES) <= 8_000_000


def test_rows_are_as_told(seeds: duckdb.DuckDBPyConnection, truth: dict) -> None:
    for table in ("users", "sessions", "events", "excluded_users", "good_events"):
        assert number(seeds, f"select count(*) from {table}") == truth["rows"][table]


def test_good_and_rejected_rows_add_up(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    rejected = truth["dirt"]["rows_to_reject"]["value"]
    assert truth["rows"]["events"] == truth["rows"]["good_events"] + rejected


DIRT = {
    "duplicate_event_id_rows": "select count(*) - count(distinct event_id) from events",
    "duplicate_event_ids": """
        select count(*) from (select event_id from events group by 1 having count(*) > 1)
    """,
    "duplicate_event_ids_with_changed_properties": """
        select count(*) from (
            select event_id from events group by 1
            having count(distinct coalesce(properties, '')) > 1
        )
    """,
    "late_arrivals": """
        select count(*) from events
        where try_cast(event_time as timestamp) + interval 24 hours
            < cast(received_at as timestamp)
    """,
    "events_without_identity": """
        select count(*) from events where user_id is null and anonymous_id is null
    """,
    "events_of_unknown_users": """
        select count(*) from events anti join users using (user_id)
        where user_id is not null
    """,
    "events_with_null_time": "select count(*) from events where event_time is null",
    "events_with_unparsable_time": """
        select count(*) from events
        where event_time is not null and try_cast(event_time as timestamp) is null
    """,
    "events_without_name": "select count(*) from events where event_name is null",
    "events_after_received_at": """
        select count(*) from events
        where try_cast(event_time as timestamp) > cast(received_at as timestamp)
    """,
    "events_after_load": """
        select count(*) from events
        where try_cast(event_time as timestamp) > timestamp '2026-07-06 07:30:00'
    """,
    "duplicate_user_rows": "select count(*) - count(distinct user_id) from users",
    "sessions_of_unknown_users": """
        select count(*) from sessions anti join users using (user_id)
        where user_id is not null
    """,
}


@pytest.mark.parametrize("kind", DIRT)
def test_dirt_is_counted_exactly(
    seeds: duckdb.DuckDBPyConnection, truth: dict, kind: str
) -> None:
    assert number(seeds, DIRT[kind]) == truth["dirt"][kind]["value"]


def test_every_kind_of_dirt_is_tested(truth: dict) -> None:
    told = {key for key, value in truth["dirt"].items() if isinstance(value, dict)}
    assert told - set(DIRT) == {"late_after_hours", "rows_to_reject"}


def test_a_dirty_row_has_one_defect(seeds: duckdb.DuckDBPyConnection) -> None:
    defects = """
        (user_id is null and anonymous_id is null)::int
        + (user_id is not null and user_id not in (select user_id from users))::int
        + (try_cast(event_time as timestamp) is null)::int
        + (event_name is null)::int
        + coalesce(try_cast(event_time as timestamp) > received_at::timestamp, false)::int
        + coalesce(
            try_cast(event_time as timestamp) + interval 24 hours
            < received_at::timestamp, false
        )::int
        + (count(*) over (partition by event_id) > 1)::int
    """
    query = f"select max(defects) from (select {defects} as defects from events)"
    assert number(seeds, query) == 1


def test_nothing_arrives_after_the_load(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    query = "select max(received_at) from events"
    assert number(seeds, query) <= truth["about"]["loaded_at"]


def test_excluded_users_are_clean_and_counted(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    query = """
        select
            count(*) filter (reason = 'internal'),
            count(*) filter (
                reason = 'internal'
                and (valid_from is null or event_time >= cast(valid_from as timestamp))
            ),
            count(*) filter (reason = 'bot')
        from good_events
        inner join excluded_users on person = excluded_users.user_id
    """
    excluded = truth["excluded"]
    assert seeds.execute(query).fetchall()[0] == (
        excluded["internal_events"]["value"],
        excluded["internal_events_since_valid_from"]["value"],
        excluded["bot_events"]["value"],
    )
    raw = """
        select count(*) from events
        where user_id in (select user_id from excluded_users)
            and event_id || received_at not in (
                select event_id || strftime(received_at, '%Y-%m-%d %H:%M:%S')
                from good_events
            )
    """
    assert number(seeds, raw) == 0


def test_identity_links(seeds: duckdb.DuckDBPyConnection, truth: dict) -> None:
    query = """
        with pairs as (
            select distinct anonymous_id, user_id from good_events
            where user_id is not null and anonymous_id is not null
        )
        select count(*), count(distinct anonymous_id) from pairs
    """
    identity = truth["identity"]
    assert seeds.execute(query).fetchall()[0] == (
        identity["linked_user_pairs"]["value"],
        identity["linked_anonymous_ids"]["value"],
    )
    never = "select count(distinct person) from good_events where person = anonymous_id"
    assert number(seeds, never) == identity["anonymous_visitors_never_linked"]["value"]
    shared = """
        select anonymous_id, arg_min(user_id, event_time), arg_max(user_id, event_time)
        from good_events
        where user_id is not null and anonymous_id is not null
        group by anonymous_id
        having count(distinct user_id) > 1
    """
    device = identity["shared_device"]
    assert seeds.execute(shared).fetchall() == [
        (device["anonymous_id"], device["first_user"], device["second_user"])
    ]


def test_signup_events_are_exactly_the_sign_ups(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    query = """
        with given as (
            select user_id, min(cast(signed_up_at as timestamp)) as signed_up_at
            from users
            group by user_id
        ),
        sent as (
            select user_id, event_time as signed_up_at from good_events
            where event_name = 'signup' and anonymous_id is not null
        )
        select count(*) from given
        full join sent
            on given.user_id = sent.user_id and given.signed_up_at = sent.signed_up_at
        where given.user_id is null or sent.user_id is null
    """
    assert number(seeds, query) == 0


def test_every_user_but_one_visits_before_signing_up(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    query = """
        select user_id from ordinary_users
        anti join (
            select ordinary_users.user_id from ordinary_users
            inner join ordinary_events on person = ordinary_users.user_id
            where event_name = 'visit' and event_time <= signed_up_at
        ) using (user_id)
    """
    first = truth["identity"]["shared_device"]["first_user"]
    assert seeds.execute(query).fetchall() == [(first,)]


def test_sessions_are_those_of_a_gap_of_thirty_minutes(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    query = """
        with in_sessions as (
            select person, session_id, event_time,
                lag(session_id) over ordered as last_session_id,
                event_time - lag(event_time) over ordered as gap
            from good_events
            where event_name != 'reminder_received'
            window ordered as (partition by person order by event_time, session_id)
        )
        select
            count(*) filter (session_id is null),
            count(*) filter (session_id = last_session_id and gap >= interval 30 minutes),
            count(*) filter (session_id != last_session_id and gap <= interval 30 minutes)
        from in_sessions
    """
    assert seeds.execute(query).fetchall()[0] == (0, 0, 0)


def test_sessions_start_and_end_with_their_events(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    query = """
        with spans as (
            select
                session_id,
                any_value(user_id) as user_id,
                any_value(anonymous_id) as anonymous_id,
                min(event_time) as started_at,
                max(event_time) as ended_at
            from good_events
            where session_id is not null
            group by session_id
        )
        select count(*) from sessions
        left join spans using (session_id)
        where
            spans.user_id is distinct from sessions.user_id
            or spans.anonymous_id is distinct from sessions.anonymous_id
            or spans.started_at is distinct from cast(sessions.started_at as timestamp)
            or spans.ended_at is distinct from cast(sessions.ended_at as timestamp)
    """
    assert number(seeds, query) == truth["dirt"]["sessions_of_unknown_users"]["value"]


def test_edges(seeds: duckdb.DuckDBPyConnection, truth: dict) -> None:
    ties = """
        select count(distinct one.person) from ordinary_events as one
        inner join ordinary_events as two
            on one.person = two.person and one.event_time = two.event_time
        where one.event_name = '{}' and two.event_name = '{}'
    """
    edges = truth["edges"]
    counts = {
        "plan_cook_ties": number(seeds, ties.format("plan_created", "meal_cooked")),
        "visit_signup_ties": number(seeds, ties.format("visit", "signup")),
        "sessions_across_midnight": number(
            seeds,
            "select count(*) from sessions where started_at[:10] != ended_at[:10]",
        ),
    }
    assert counts == {name: edges[name]["value"] for name in counts}
    night = """
        select count(*) from sessions where started_at
        between '2026-03-29 00:10:00' and '2026-03-29 02:40:00'
    """
    assert number(seeds, night) >= edges["clock_change_sessions"]["value"]


SEGMENTS = {
    "by_plan": "plan",
    "by_channel": "channel",
    "by_platform": "platform",
    "by_signup_month": "signup_month",
}


def test_activation_is_as_planted(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    query = """
        select count(*), count(*) filter (
            exists (
                select 1 from ordinary_events
                where person = ordinary_users.user_id
                    and event_name = 'plan_created'
                    and event_time between signed_up_at
                    and signed_up_at + interval 7 days
            )
        )
        from ordinary_users
        where signed_up_at + interval 7 days <= timestamp '2026-07-06 07:30:00'
            and {}
    """
    activation = truth["activation"]
    cells = [(activation["overall"], "true")]
    for name, column in SEGMENTS.items():
        cells += [(c, f"{column} = '{v}'") for v, c in activation[name].items()]
    for cell, where in cells:
        users, activated = seeds.execute(query.format(where)).fetchall()[0]
        assert (users, activated) == (cell["users"], cell["activated_users"]), where
        if users:
            assert within(activated / users, cell["expected"], cell["sd"]), where


def funnel_steps(
    seeds: duckdb.DuckDBPyConnection, events: list[str], until: str
) -> list[int]:
    """People by step of the ordered 14-day funnel, from every visit up to `until`."""
    step = "select person, event_time as visit, event_time as at from ordinary_events"
    step += f" where event_name = 'visit' and event_time <= timestamp '{until}'"
    counts = []
    for position, event in enumerate(events):
        if position:
            step = f"""
                select step.person, step.visit, min(event_time) as at
                from ({step}) as step
                inner join ordinary_events on step.person = ordinary_events.person
                where event_name = '{event}' and event_time >= step.at
                    and event_time <= step.visit + interval 14 days
                group by step.person, step.visit
            """
        counts.append(number(seeds, f"select count(distinct person) from ({step})"))
    return counts


def test_funnel_is_as_planted(seeds: duckdb.DuckDBPyConnection, truth: dict) -> None:
    funnel = truth["funnel"]
    steps = funnel["steps"]
    events = [step["event"] for step in steps]
    entrants = funnel_steps(seeds, events[:1], truth["about"]["loaded_at"])[0]
    matured = funnel_steps(seeds, events, funnel["matured_if_entered_until"])
    assert entrants == funnel["entrants"]
    assert entrants - matured[0] == funnel["pending_entrants"]
    assert matured == [step["matured_users"] for step in steps]
    for step, users, before in zip(steps[1:], matured[1:], matured, strict=False):
        rate = users / before
        assert within(rate, step["expected_from_previous"], step["sd"]), step["event"]


def retention(seeds: duckdb.DuckDBPyConnection, where: str) -> dict[int, tuple]:
    """Users and those active by calendar week after sign-up, complete weeks only."""
    query = f"""
        with cohort as (
            select user_id, date_trunc('week', signed_up_at) as cohort_week
            from ordinary_users
            where {where}
        ),
        grid as (
            select user_id, unnest(range(26)) as period, cohort_week from cohort
        ),
        active as (
            select distinct person, date_trunc('week', active_date) as active_week
            from active_days
        )
        select period, count(*), count(active.person)
        from grid
        left join active on active.person = grid.user_id
            and active.active_week = grid.cohort_week + to_days(7 * period::int)
        where grid.cohort_week + to_days(7 * period::int) <= timestamp '2026-06-29'
        group by period
    """
    return {row[0]: row[1:] for row in seeds.execute(query).fetchall()}


def test_retention_is_as_planted(seeds: duckdb.DuckDBPyConnection, truth: dict) -> None:
    planted = truth["retention"]
    curves = [(planted["overall"], "true")]
    for name, column in SEGMENTS.items():
        curves += [(c, f"{column} = '{v}'") for v, c in planted[name].items()]
    for curve, where in curves:
        observed = retention(seeds, where)
        for cell in curve:
            users, retained = observed[cell["period"]]
            assert users == cell["users"], (where, cell)
            assert within(retained / users, cell["expected"], cell["sd"]), (where, cell)


def test_retention_of_weekly_cohorts_is_as_planted(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    for week, cohort in truth["retention"]["by_signup_week"].items():
        where = f"date_trunc('week', signed_up_at) = timestamp '{week}'"
        observed = retention(seeds, where)
        assert len(observed) == len(cohort["expected"])
        for period, expected in enumerate(cohort["expected"]):
            users, retained = observed[period]
            sd = math.sqrt(expected * (1 - expected) / users)
            assert users == cohort["users"]
            assert within(retained / users, expected, sd), (week, period)


def test_causes_are_done_by_as_many_as_planted(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    for days in ("signed_up_at + interval 7 days", "signed_up_at::date + 7"):
        for event, cause in truth["behaviors"]["causes"].items():
            query = f"""
                select count(*) from (
                    select person from ordinary_events
                    inner join ordinary_users on person = ordinary_users.user_id
                    where event_name = '{event}' and event_time < {days}
                        and signed_up_at + interval 7 days
                        <= timestamp '2026-07-06 07:30:00'
                    group by person
                    having count(*) >= {cause["threshold"]}
                )
            """
            assert number(seeds, query) == cause["users"], (event, days)


def test_personas_are_as_many_as_planted_and_in_no_file(
    seeds: duckdb.DuckDBPyConnection, truth: dict, personas: dict
) -> None:
    planted = truth["personas"]["personas"]
    assert personas == {name: told["users"] for name, told in planted.items()}
    users = sum(personas.values())
    for name, told in planted.items():
        sd = math.sqrt(told["share"] * (1 - told["share"]) / users)
        assert within(personas[name] / users, told["share"], sd), name
    for file in CSV_FILES:
        text = (SEEDS / file).read_text(encoding="utf-8")
        assert not re.search(rf"\b(persona|{'|'.join(planted)})\b", text), file


@pytest.mark.parametrize(
    "other", ["plan", "channel", "platform", "signup_month", "days", "is_back", "cause"]
)
def test_personas_go_with_nothing_else_that_is_planted(
    seeds: duckdb.DuckDBPyConnection, personas: dict, other: str
) -> None:
    # Active days in the first four weeks, return after eight, and the causes.
    rows = seeds.execute(f"""
        with lives as (
            select
                person, persona, plan, channel, platform, signup_month,
                least(count(distinct event_time::date) filter (
                    event_time < signed_up_at + interval 28 days
                ), 8) as days,
                bool_or(event_time > signed_up_at + interval 56 days) as is_back,
                coalesce(bool_or(
                    event_name in ('list_shared', 'meal_cooked', 'plan_created')
                    and event_time < signed_up_at + interval 7 days
                ), false) as cause
            from user_personas
            inner join ordinary_users on person = ordinary_users.user_id
            inner join ordinary_events using (person)
            group by all
        )
        pivot lives on persona using count(*) group by {other}
    """).fetchall()
    # One test in ten thousand of a fair draw is below.
    cells = [row[1:] for row in rows if sum(row[1:]) >= 40]
    assert len(cells) > 1
    assert chi2_contingency(cells).pvalue > 1e-4


def test_personas_shift_the_odds_of_their_events_as_planted(
    seeds: duckdb.DuckDBPyConnection, truth: dict, personas: dict
) -> None:
    planted = truth["personas"]
    rows = seeds.execute("""
        with visited as (
            select persona, session_id, list(distinct event_name) as names
            from ordinary_events
            inner join user_personas using (person)
            where session_id is not null and event_name != 'reminder_received'
            group by all
        ),
        opened as (
            select persona, count(*) as sessions from visited
            where list_contains(names, 'app_opened') group by persona
        ),
        named as (
            select persona, unnest(names) as event_name from visited
        ),
        done as (
            select persona, event_name, count(*) as with_event from named group by all
        )
        select event_name, persona, with_event, sessions - with_event
        from done inner join opened using (persona)
    """).fetchall()
    counts = {(event, persona): found for event, persona, *found in rows}
    owner = {e: n for n, told in planted["personas"].items() for e in told["events"]}
    for event in truth["behaviors"]["bystanders"]["per_session"]:
        # An event of nobody's is as likely for the first persona as for the others.
        one = owner.get(event, next(iter(personas)))
        ratio = planted["personas"][one]["odds_ratio"] / planted["other_odds_ratio"]
        others = [counts[event, name] for name in personas if name != one]
        table = [*counts[event, one], *map(sum, zip(*others, strict=True))]
        found = math.log(table[0] * table[3] / table[1] / table[2])
        expected = math.log(ratio) if event in owner else 0.0
        # Half a tenth for the sessions of a user, which go together by his z.
        sd = math.sqrt(sum(1 / cell for cell in table))
        assert abs(found - expected) < WIDE * sd + 0.05, event


def test_personas_do_as_much_in_a_session_as_each_other(
    seeds: duckdb.DuckDBPyConnection, truth: dict, personas: dict
) -> None:
    planted = truth["personas"]["personas"]
    expected = [told["events_per_session"] for told in planted.values()]
    assert max(expected) / min(expected) < 1.05
    rows = seeds.execute("""
        select persona, count(*) / count(distinct session_id) from ordinary_events
        inner join user_personas using (person)
        where session_id is not null
        group by persona
    """).fetchall()
    found = [per_session for _, per_session in rows]
    assert len(found) == len(planted)
    # Bystanders also rise with engagement, by some percent, and browsing does not.
    assert max(found) / min(found) < 1.1


def test_base_rate_of_the_churn_label(
    seeds: duckdb.DuckDBPyConnection, truth: dict
) -> None:
    label = truth["churn"]["label"]
    query = f"""
        with dates as (
            select unnest(generate_series(
                date '{label["first_as_of"]}', date '2026-06-07', interval 7 days
            ))::date as as_of
        ),
        eligible as (
            select distinct as_of, person from dates
            inner join active_days
                on active_date <= as_of
                and active_date > as_of - {label["active_window_days"]}
            where person in (select user_id from ordinary_users)
        )
        select as_of, avg((not exists (
            select 1 from active_days
            where active_days.person = eligible.person
                and active_date > as_of
                and active_date <= as_of + {label["horizon_days"]}
        ))::int) as base_rate, count(*)
        from eligible
        group by as_of
    """
    rows = seeds.execute(query).fetchall()
    for as_of, base_rate, _ in rows:
        low, high = label["base_rate_low"], label["base_rate_high"]
        assert low <= base_rate <= high, as_of
    pooled = sum(rate * users for _, rate, users in rows) / sum(row[2] for row in rows)
    assert label["pooled_base_rate_low"] <= pooled <= label["pooled_base_rate_high"]


def test_the_product_has_a_rhythm(seeds: duckdb.DuckDBPyConnection) -> None:
    query = """
        select dayofweek(active_date), count(*) from active_days
        where active_date between date '2026-03-02' and date '2026-07-05'
        group by 1
    """
    by_day = dict(seeds.execute(query).fetchall())
    assert by_day[0] == max(by_day.values())  # Sunday
    assert min(by_day, key=by_day.__getitem__) in (5, 6)  # Friday or Saturday
