"""The marts recover what planted_truth.json says was planted into the seeds.

Counts are recovered exactly, rates within a stated number of standard deviations of
what they were drawn from. The truth leaves all staff out; the warehouse keeps one, who
is excluded from a date on, until then. Wherever that user is counted, the tests say so
and take them out again.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from seeds import generate
from tests.builds import DbtRun

TRUTH = Path(__file__).parents[2] / "seeds" / "planted_truth.json"
SEGMENTS = {"by_plan": "plan", "by_channel": "channel", "by_platform": "platform"}
# Normal quantile for a handful of cells: a fair one is out once in 16,000.
WIDE = 4.0
# The same for the hundreds of cells of the retention grid.
WIDEST = 4.5
DATED_STAFF = """
    select users.user_id from core.dim_users as users
    inner join seeds.excluded_users as excluded on users.user_id = excluded.user_id
"""


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads(TRUTH.read_text(encoding="utf-8"))


def value(build: DbtRun, sql: str, *parameters: Any) -> Any:
    """The only column of the only row of a query."""
    [(found,)] = build.query(sql, *parameters)
    return found


def deviations(share: float, expected: float, sd: float) -> float:
    """How many standard deviations a share is away; the truth has four decimals."""
    off = max(abs(share - expected) - 0.00005, 0.0)
    if not off:
        return 0.0
    return math.copysign(off / sd if sd else math.inf, share - expected)


def binomial_sd(expected: float, users: int) -> float:
    return math.sqrt(expected * (1 - expected) / users)


# Dirt


REJECTED_EVENTS = {
    "duplicate_event_id": "duplicate_event_id_rows",
    "no_user": "events_without_identity",
    "unknown_user": "events_of_unknown_users",
    "no_event_time": "events_with_null_time",
    "unparsable_event_time": "events_with_unparsable_time",
    "no_event_name": "events_without_name",
    "after_received_at": "events_after_received_at",
}


def test_rejected_events_by_reason_are_exactly_the_planted_dirt(seeds_build, truth):
    found = seeds_build.query("""
        select rejection_reason, count(*) from staging.stg_rejected_rows
        where source_table = 'events' and rejection_reason != 'excluded_user'
        group by rejection_reason
    """)
    dirt = truth["dirt"]
    assert dict(found) == {r: dirt[k]["value"] for r, k in REJECTED_EVENTS.items()}
    assert sum(rows for _, rows in found) == dirt["rows_to_reject"]["value"]


def test_rejected_users_and_sessions_are_exactly_the_planted_dirt(seeds_build, truth):
    found = seeds_build.query("""
        select source_table, rejection_reason, count(*) from staging.stg_rejected_rows
        where source_table != 'events' and rejection_reason != 'excluded_user'
        group by all order by source_table
    """)
    dirt = truth["dirt"]
    assert found == [
        ("sessions", "unknown_user", dirt["sessions_of_unknown_users"]["value"]),
        ("users", "duplicate_user_id", dirt["duplicate_user_rows"]["value"]),
    ]


def test_data_quality_counts_the_planted_dirt_and_late_arrivals(seeds_build, truth):
    found = dict(
        seeds_build.query("""
            select check_name, sum(rows)::int from marts.data_quality group by all
        """)
    )
    dirt = truth["dirt"]
    planted = {f"events: {r}": dirt[k]["value"] for r, k in REJECTED_EVENTS.items()}
    planted["events: received late"] = dirt["late_arrivals"]["value"]
    planted["sessions: unknown_user"] = dirt["sessions_of_unknown_users"]["value"]
    planted["users: duplicate_user_id"] = dirt["duplicate_user_rows"]["value"]
    assert {name: found[name] for name in planted} == planted
    rejected = value(
        seeds_build,
        """
        select sum(rejected_rows) from marts.data_quality
        where check_name like 'events: %' and check_name not like '%excluded_user'
        """,
    )
    assert rejected == dirt["rows_to_reject"]["value"]


def test_late_arrivals_are_modelled_and_late_by_the_planted_hours(seeds_build, truth):
    late = value(
        seeds_build,
        """
        select count(*) from core.fct_events
        where received_at > event_time + to_hours(?)
        """,
        truth["dirt"]["late_after_hours"]["value"],
    )
    assert late == truth["dirt"]["late_arrivals"]["value"]


def test_events_after_the_load_are_among_those_set_aside(seeds_build, truth):
    after_load = seeds_build.query(
        """
        select rejection_reason, count(*) from staging.stg_rejected_rows
        where source_table = 'events' and row_at > ?::timestamp
        group by rejection_reason
        """,
        truth["about"]["loaded_at"],
    )
    assert after_load == [
        ("after_received_at", truth["dirt"]["events_after_load"]["value"])
    ]
    assert value(
        seeds_build,
        "select max(event_time) <= ?::timestamp from core.fct_events",
        truth["about"]["loaded_at"],
    )


def test_of_a_duplicated_event_the_latest_received_wins(seeds_build, truth):
    [(ids, latest, unchanged, changed)] = seeds_build.query("""
        with raw as (
            select
                event_id,
                max(received_at::timestamp) as received_at,
                arg_max(coalesce(properties, ''), received_at::timestamp) as properties,
                count(distinct coalesce(properties, '')) as versions
            from seeds.events
            group by event_id
            having count(*) > 1
        )
        select
            count(*),
            count(*) filter (events.received_at = raw.received_at),
            count(*) filter (coalesce(events.properties, '') = raw.properties),
            count(*) filter (raw.versions > 1)
        from raw
        left join staging.stg_events as events on raw.event_id = events.event_id
    """)
    dirt = truth["dirt"]
    assert ids == latest == unchanged == dirt["duplicate_event_ids"]["value"]
    assert changed == dirt["duplicate_event_ids_with_changed_properties"]["value"]


def test_of_a_duplicated_user_the_first_sign_up_counts(seeds_build):
    assert (
        value(
            seeds_build,
            """
        with given as (
            select
                user_id,
                min(signed_up_at::timestamp) as signed_up_at,
                arg_min(plan, signed_up_at) as plan
            from seeds.users
            group by user_id
            having count(*) > 1
        )
        select count(*) from given
        inner join core.dim_users as users
            on given.user_id = users.user_id
            and given.signed_up_at = users.signed_up_at
            and given.plan = users.segments ->> 'plan'
        """,
        )
        == 1
    )


def test_every_good_event_of_nobody_excluded_is_modelled(seeds_build, truth):
    excluded = truth["excluded"]
    left_out = excluded["internal_events_since_valid_from"]["value"]
    left_out += excluded["bot_events"]["value"]
    modelled = value(seeds_build, "select count(*) from core.fct_events")
    assert modelled == truth["rows"]["good_events"] - left_out


# Excluded users


def test_excluded_events_are_those_of_bots_and_of_staff_since_valid_from(
    seeds_build, truth
):
    found = seeds_build.query("""
        select excluded.reason, count(*) from staging.stg_rejected_rows as rejected
        inner join seeds.excluded_users as excluded
            on rejected.user_id = excluded.user_id
        where source_table = 'events' and rejection_reason = 'excluded_user'
        group by all order by excluded.reason
    """)
    excluded = truth["excluded"]
    assert found == [
        ("bot", excluded["bot_events"]["value"]),
        ("internal", excluded["internal_events_since_valid_from"]["value"]),
    ]


def test_a_dated_staff_member_is_modelled_until_the_date_and_not_from_it_on(
    seeds_build, truth
):
    [(user_id, events, is_before, is_after)] = seeds_build.query("""
        select
            events.user_id,
            count(*),
            max(events.event_time) < any_value(excluded.valid_from)::timestamp,
            (
                select min(row_at) >= any_value(excluded.valid_from)::timestamp
                from staging.stg_rejected_rows as rejected
                where rejected.user_id = events.user_id and source_table = 'events'
            )
        from core.fct_events as events
        inner join seeds.excluded_users as excluded
            on events.user_id = excluded.user_id
        group by events.user_id
    """)
    assert seeds_build.query(DATED_STAFF) == [(user_id,)]
    excluded = truth["excluded"]
    since = excluded["internal_events_since_valid_from"]["value"]
    assert events == excluded["internal_events"]["value"] - since
    assert is_before
    assert is_after


def test_users_are_those_who_signed_up_and_one_dated_staff_member(seeds_build, truth):
    population = truth["population"]
    [(users, visitors)] = seeds_build.query("""
        select
            count(*) filter (not is_anonymous),
            count(*) filter (is_anonymous)
        from core.dim_users
    """)
    assert users == population["signed_up_users"]["value"] + 1
    never_linked = truth["identity"]["anonymous_visitors_never_linked"]["value"]
    assert visitors == never_linked
    reasons = seeds_build.query(
        "select reason, count(*) from seeds.excluded_users group by all order by reason"
    )
    assert reasons == [
        ("bot", population["bot_users"]["value"]),
        ("internal", population["staff_users"]["value"]),
    ]


def test_passive_events_are_exactly_those_planted_and_no_activity(seeds_build, truth):
    found = seeds_build.query("""
        select event_name, count(*) from core.fct_events
        where not is_activity
        group by all
    """)
    [name] = truth["behaviors"]["passive_events"]
    assert found == [(name, truth["population"]["passive_event_rows"]["value"])]


# Identity


def test_identity_links_are_exactly_those_planted(seeds_build, truth):
    identity = truth["identity"]
    [(links, pairs)] = seeds_build.query("""
        select count(*), sum(user_count)::int from staging.stg_identity_links
    """)
    assert links == identity["linked_anonymous_ids"]["value"]
    assert pairs == identity["linked_user_pairs"]["value"]
    told = value(
        seeds_build,
        "select rows from marts.data_quality where check_name like 'identity: %'",
    )
    assert told == links


def test_visits_on_a_shared_device_belong_to_the_newest_link(seeds_build, truth):
    device = truth["identity"]["shared_device"]
    linked = seeds_build.query("""
        select anonymous_id, user_id from staging.stg_identity_links
        where user_count > 1
    """)
    assert linked == [(device["anonymous_id"], device["second_user"])]
    visits = dict(
        seeds_build.query(
            """
            select user_id, count(*) from core.fct_events
            where event_name = 'visit' and user_id in (?, ?)
            group by all
            """,
            device["first_user"],
            device["second_user"],
        )
    )
    assert set(visits) == {device["second_user"]}


def test_everyone_but_the_shared_devices_first_user_enters_the_funnel(
    seeds_build, truth
):
    without = seeds_build.query("""
        select user_id from core.dim_users
        where user_id not in (
            select user_id from marts.funnel_attempts where funnel = 'purchase'
        )
    """)
    assert without == [(truth["identity"]["shared_device"]["first_user"],)]


# Activation


def activation(
    build: DbtRun, group: str = "'all'", *, with_staff: bool = False
) -> dict[str, tuple[int, int]]:
    """Matured users and those activated, by `group`."""
    staff = "select null where false" if with_staff else DATED_STAFF
    rows = build.query(f"""
        select {group}, count(*), count(*) filter (activation.is_activated)
        from marts.activation
        inner join core.dim_users as users using (user_id)
        where activation.is_matured and activation.user_id not in ({staff})
        group by all
    """)
    return {row[0]: (row[1], row[2]) for row in rows}


def test_activated_users_are_exactly_those_planted(seeds_build, truth):
    overall = truth["activation"]["overall"]
    assert activation(seeds_build)["all"] == (
        overall["users"],
        overall["activated_users"],
    )
    # The mart itself has the dated staff member too, who was not activated.
    assert activation(seeds_build, with_staff=True)["all"] == (
        overall["users"] + 1,
        overall["activated_users"],
    )


@pytest.mark.parametrize("name", [*SEGMENTS, "by_signup_month"])
def test_activated_users_by_segment_are_exactly_those_planted(seeds_build, truth, name):
    group = "strftime(users.signed_up_at, '%Y-%m')"
    if name in SEGMENTS:
        group = f"users.segments ->> '{SEGMENTS[name]}'"
    planted = {
        level: (cell["users"], cell["activated_users"])
        for level, cell in truth["activation"][name].items()
        if cell["users"]
    }
    assert activation(seeds_build, group) == planted


def test_activation_rates_are_within_four_deviations_of_the_planted_ones(
    seeds_build, truth
):
    planted = truth["activation"]
    cells = [("'all'", "all", planted["overall"])]
    for name, segment in SEGMENTS.items():
        group = f"users.segments ->> '{segment}'"
        cells += [(group, level, cell) for level, cell in planted[name].items()]
    for group, level, cell in cells:
        users, activated = activation(seeds_build, group)[level]
        away = deviations(activated / users, cell["expected"], cell["sd"])
        assert abs(away) <= WIDE, level


def test_activation_takes_place_within_the_planted_window(seeds_build, truth):
    longest = value(
        seeds_build, "select max(seconds_to_activate) from marts.activation"
    )
    assert 0 < longest <= truth["activation"]["window_days"] * 86400


# Funnel


def staff_attempt(build: DbtRun) -> tuple[int, bool]:
    """How deep the dated staff member got in 'purchase', and whether that matured."""
    [attempt] = build.query(f"""
        select deepest_step, is_matured from marts.funnel_attempts
        where funnel = 'purchase' and is_headline and user_id in ({DATED_STAFF})
    """)
    return attempt


def test_funnel_steps_have_exactly_the_planted_matured_users(seeds_build, truth):
    planted = [step["matured_users"] for step in truth["funnel"]["steps"]]
    attempts = [
        value(
            seeds_build,
            f"""
            select count(distinct user_id) from marts.funnel_attempts
            where funnel = 'purchase' and is_headline and is_matured
                and deepest_step >= ? and user_id not in ({DATED_STAFF})
            """,
            number,
        )
        for number in range(1, len(planted) + 1)
    ]
    assert attempts == planted
    # funnel_steps counts the dated staff member too, who entered before the date.
    deepest, is_matured = staff_attempt(seeds_build)
    assert is_matured
    steps = seeds_build.query("""
        select step_number, matured_users, matured_entrants from marts.funnel_steps
        where funnel = 'purchase' and segment = 'all' order by step_number
    """)
    with_staff = [u + (n <= deepest) for n, u in enumerate(planted, start=1)]
    assert [matured for _, matured, _ in steps] == with_staff
    assert {entrants for _, _, entrants in steps} == {with_staff[0]}


def test_funnel_has_exactly_the_planted_pending_entrants(seeds_build, truth):
    [(entrants, matured)] = seeds_build.query("""
        select users, matured_entrants from marts.funnel_steps
        where funnel = 'purchase' and segment = 'all' and step_number = 1
    """)
    assert entrants - 1 == truth["funnel"]["entrants"]
    assert entrants - matured == truth["funnel"]["pending_entrants"]
    # Whoever is pending waits at exactly one step, or has gone through all of them.
    [(pending, converted)] = seeds_build.query("""
        select
            sum(pending_users)::int,
            max(case when step_number = 5 then users - matured_users end)
        from marts.funnel_steps where funnel = 'purchase' and segment = 'all'
    """)
    assert pending + converted == truth["funnel"]["pending_entrants"]


def test_funnel_attempts_mature_exactly_when_planted(seeds_build, truth):
    until = truth["funnel"]["matured_if_entered_until"]
    wrong = value(
        seeds_build,
        """
        select count(*) from marts.funnel_attempts
        where funnel = 'purchase' and is_matured != (entered_at <= ?::timestamp)
        """,
        until,
    )
    assert wrong == 0


def test_funnel_conversion_is_within_four_deviations_of_the_planted_one(
    seeds_build, truth
):
    found = dict(
        seeds_build.query("""
            select step_number, matured_users from marts.funnel_steps
            where funnel = 'purchase' and segment = 'all'
        """)
    )
    for step in truth["funnel"]["steps"][1:]:
        number = step["step_number"]
        share = found[number] / found[number - 1]
        away = deviations(share, step["expected_from_previous"], step["sd"])
        assert abs(away) <= WIDE, step["event"]


def test_funnel_recovers_how_plans_differ_in_subscribing(seeds_build, truth):
    rows = seeds_build.query("""
        select segment_value, step_number, matured_users from marts.funnel_steps
        where funnel = 'purchase' and segment = 'plan' and step_number in (4, 5)
    """)
    users = {(plan, step): count for plan, step, count in rows}
    for plan, planted in truth["funnel"]["subscription_probability_by_plan"].items():
        cooked = users[plan, 4]
        sd = binomial_sd(planted, cooked)
        assert abs(deviations(users[plan, 5] / cooked, planted, sd)) <= WIDE, plan


# Retention


def week_cells(build: DbtRun, segment: str, staff_too: bool = False) -> dict:
    """(segment value, cohort, period) -> users and retained, of complete week cells.

    The dated staff member is taken out again, as the facts say he was active.
    """
    cells = {
        tuple(row[:3]): [row[3], row[4]]
        for row in build.query(
            """
            select
                segment_value, cohort_start::varchar, period_number,
                cohort_users, retained_users
            from marts.cohort_retention
            where period = 'week' and segment = ? and is_complete
            """,
            segment,
        )
    }
    if staff_too:
        return cells
    [(level, cohort, active)] = build.query(
        f"""
        select
            segments.segment_value,
            date_trunc('week', users.signed_up_date)::date::varchar,
            list(distinct date_diff(
                'week', date_trunc('week', users.signed_up_date),
                date_trunc('week', days.activity_date)
            ))
        from core.dim_users as users
        inner join core.dim_user_segments as segments using (user_id)
        inner join core.fct_user_days as days using (user_id)
        where users.user_id in ({DATED_STAFF}) and segments.segment = ?
        group by all
        """,
        segment,
    )
    for key, cell in cells.items():
        if key[:2] == (level, cohort):
            cell[0] -= 1
            cell[1] -= key[2] in active
    return cells


def pooled(cells: dict) -> dict[tuple[str, int], tuple[int, int]]:
    """(segment value, period) -> users and retained over all cohorts."""
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for (level, _, period), (users, retained) in cells.items():
        before = sums.get((level, period), (0, 0))
        sums[level, period] = (before[0] + users, before[1] + retained)
    return sums


def test_the_dated_staff_member_is_one_user_of_one_cohort(seeds_build):
    with_staff = week_cells(seeds_build, "all", staff_too=True)
    without = week_cells(seeds_build, "all")
    more = {key for key in with_staff if with_staff[key][0] != without[key][0]}
    assert len({cohort for _, cohort, _ in more}) == 1
    assert {with_staff[key][0] - without[key][0] for key in more} == {1}


@pytest.mark.parametrize("name", ["overall", *SEGMENTS])
def test_retention_by_week_is_within_deviations_of_the_planted_curve(
    seeds_build, truth, name
):
    planted = truth["retention"][name]
    curves = {"all": planted} if name == "overall" else planted
    found = pooled(week_cells(seeds_build, SEGMENTS.get(name, "all")))
    for level, curve in curves.items():
        for cell in curve:
            users, retained = found[level, cell["period"]]
            assert users == cell["users"], (level, cell)
            away = deviations(retained / users, cell["expected"], cell["sd"])
            assert abs(away) <= WIDEST, (level, cell)


def test_retention_of_weekly_cohorts_is_as_planted_and_off_to_neither_side(
    seeds_build, truth
):
    found = week_cells(seeds_build, "all")
    planted = truth["retention"]["by_signup_week"]
    assert len(found) == sum(len(cohort["expected"]) for cohort in planted.values())
    scores = []
    for week, cohort in planted.items():
        for period, expected in enumerate(cohort["expected"]):
            users, retained = found["all", week, period]
            assert users == cohort["users"], week
            if period == 0:
                assert retained == users
                continue
            # Users differ, so this is somewhat more than their deviation.
            sd = binomial_sd(expected, users)
            away = deviations(retained / users, expected, sd)
            assert abs(away) <= WIDEST, (week, period)
            scores.append(away)
    # The weeks of a cohort go together: the mean score of one deviates by about 0.6,
    # that of all 25 by 0.12, of which four are allowed.
    assert abs(sum(scores) / len(scores)) < 0.48
    # Nor are the scores too good to be drawn.
    assert 0.5 < math.sqrt(sum(z * z for z in scores) / len(scores)) < 1.3


def test_retention_curves_pool_exactly_the_planted_users(seeds_build, truth):
    found = dict(
        seeds_build.query("""
            select period_number, cohort_users from marts.retention_curves
            where period = 'week' and segment = 'all'
        """)
    )
    with_staff = pooled(week_cells(seeds_build, "all", staff_too=True))
    without = pooled(week_cells(seeds_build, "all"))
    for cell in truth["retention"]["overall"]:
        period = cell["period"]
        assert found[period] == with_staff["all", period][0]
        assert without["all", period][0] == cell["users"]


# Rhythm


def test_daily_actives_have_the_planted_weekly_rhythm(seeds_build, truth):
    planted = truth["rhythm"]["activity_by_weekday"]["value"]
    found = dict(
        seeds_build.query("""
            select lower(dayname(activity_date)), avg(dau - new_users)
            from marts.daily_active
            where segment = 'all' and is_complete and is_full_window_mau
            group by all
        """)
    )
    mean = sum(found.values()) / 7
    ranked = sorted(found, key=found.__getitem__)
    assert ranked[-1] == "sunday"
    assert set(ranked[:2]) == {"friday", "saturday"}
    for day in planted:
        # The day of sign-up is active whatever its weekday, and flattens it a little.
        assert found[day] / mean == pytest.approx(planted[day], abs=0.08), day


def test_funnel_entries_have_the_planted_rhythm_and_growth(seeds_build, truth):
    entries = seeds_build.query(
        """
        select lower(dayname(entry_date)), count(*) from marts.funnel_attempts
        where funnel = 'purchase' and is_first and entry_date <= ?::date
        group by all
        """,
        truth["about"]["last_complete_date"],
    )
    planted = truth["rhythm"]["visits_by_weekday"]["value"]
    total, factors = sum(n for _, n in entries), sum(planted.values())
    for day, count in entries:
        share = planted[day] / factors
        away = deviations(count / total, share, binomial_sd(share, total))
        assert abs(away) <= WIDE, day

    weeks = seeds_build.query(
        """
        select date_diff('week', min(entry_date) over (), entry_date), count(*)
        from marts.funnel_attempts
        where funnel = 'purchase' and is_first and entry_date <= ?::date
        group by entry_date
        """,
        truth["about"]["last_complete_date"],
    )
    by_week: dict[int, int] = {}
    for week, count in weeks:
        by_week[week] = by_week.get(week, 0) + count
    assert len(by_week) == truth["about"]["complete_weeks"]
    middle = (len(by_week) - 1) / 2
    spread = sum((week - middle) ** 2 for week in by_week)
    slope = sum((w - middle) * math.log(n) for w, n in by_week.items()) / spread
    # The logarithm of a count n has a deviation of 1 / sqrt(n).
    sd = math.sqrt(len(by_week) / total / spread)
    growth = math.log1p(truth["rhythm"]["visitor_growth_per_week"]["value"])
    assert abs(slope - growth) <= WIDE * sd


def test_more_is_planned_on_sundays_as_planted(seeds_build, truth):
    rows = seeds_build.query("""
        with sessions as (
            select isodow(start_date) = 7 as is_sunday, count(*) as sessions
            from core.fct_sessions as sessions
            inner join core.dim_users as users using (user_id)
            where sessions.activity_count > 0
                and sessions.start_date > users.signed_up_date
            group by all
        ),
        plans as (
            select isodow(event_date) = 7 as is_sunday, count(*) as plans
            from core.fct_events as events
            inner join core.dim_users as users using (user_id)
            where event_name = 'plan_created' and event_date > users.signed_up_date
            group by all
        )
        select is_sunday, sessions, plans from sessions
        inner join plans using (is_sunday)
    """)
    by_day = {is_sunday: (sessions, plans) for is_sunday, sessions, plans in rows}
    rates = {day: plans / sessions for day, (sessions, plans) in by_day.items()}
    ratio = rates[True] / rates[False]
    sd = ratio * math.sqrt(sum(1 / plans for _, plans in by_day.values()))
    planted = truth["rhythm"]["sunday_planning_factor"]["value"]
    assert abs(ratio - planted) <= WIDE * sd


# Segments that differ


@pytest.mark.parametrize(
    ("name", "worst", "best"),
    [
        ("by_plan", "free", "plus"),
        ("by_channel", "ads", "referral"),
        ("by_platform", "web", "ios"),
    ],
)
def test_segments_planted_to_differ_in_activation_do(
    seeds_build, truth, name, worst, best
):
    found = activation(seeds_build, f"users.segments ->> '{SEGMENTS[name]}'")
    rates = {level: activated / users for level, (users, activated) in found.items()}
    apart = rates[best] - rates[worst]
    cells = truth["activation"][name]
    expected = cells[best]["expected"] - cells[worst]["expected"]
    sd = math.hypot(cells[best]["sd"], cells[worst]["sd"])
    assert abs(apart - expected) <= WIDE * sd
    # Far enough from none to be seen.
    assert apart > 1.96 * sd


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("by_plan", ["free", "plus", "team"]),
        ("by_channel", ["ads", "organic", "referral"]),
        ("by_platform", ["web", "android", "ios"]),
    ],
)
def test_segments_planted_to_differ_in_retention_do(seeds_build, truth, name, order):
    found = pooled(week_cells(seeds_build, SEGMENTS[name]))
    planted = truth["retention"][name]

    def over_weeks(curve_of):
        return {level: sum(curve_of(level)) / 8 for level in order}

    expected = over_weeks(
        lambda level: [planted[level][k]["expected"] for k in range(1, 9)]
    )
    rates = over_weeks(
        lambda level: [found[level, k][1] / found[level, k][0] for k in range(1, 9)]
    )
    assert sorted(order, key=expected.__getitem__) == order
    assert sorted(order, key=rates.__getitem__) == order


# Churn


def test_the_churn_label_equals_one_made_from_the_events_alone(seeds_build, truth):
    label = truth["churn"]["label"]
    rows = seeds_build.query(
        """
        with days as (
            select distinct user_id, cast(event_time as date) as day
            from staging.stg_events
            where not is_anonymous and not list_contains(?, event_name)
        ),
        known_days as (
            select distinct known_user_id as user_id, cast(event_time as date) as day
            from staging.stg_events
            where known_at = event_time and not list_contains(?, event_name)
        ),
        dates as (
            select distinct as_of_date, is_closed from marts.churn_labels
        ),
        looked_at as (
            select distinct as_of_date, is_closed, user_id from dates
            inner join known_days
                on day <= as_of_date and day > as_of_date - ?
            inner join staging.stg_users as users using (user_id)
            where cast(users.signed_up_at as date) <= as_of_date
        ),
        expected as (
            select
                as_of_date,
                user_id,
                case when is_closed then not exists (
                    select 1 from days
                    where days.user_id = looked_at.user_id
                        and day > as_of_date and day <= as_of_date + ?
                ) end as is_churned
            from looked_at
        )
        select
            count(*),
            count(expected.user_id),
            count(labels.user_id),
            count(*) filter (
                expected.is_churned is not distinct from labels.is_churned
            )
        from expected
        full outer join marts.churn_labels as labels using (user_id, as_of_date)
        """,
        truth["behaviors"]["passive_events"],
        truth["behaviors"]["passive_events"],
        label["active_window_days"],
        label["horizon_days"],
    )
    [(both, expected, labelled, equal)] = rows
    assert both == expected == labelled == equal
    assert labelled > 10_000


def test_the_churn_base_rate_is_in_the_planted_range_on_every_date(seeds_build, truth):
    label = truth["churn"]["label"]
    rows = seeds_build.query(
        f"""
        select as_of_date::varchar as as_of, count(*), avg(is_churned::int)
        from marts.churn_labels
        where is_closed and as_of_date >= ?::date and user_id not in ({DATED_STAFF})
        group by all order by as_of
        """,
        label["first_as_of"],
    )
    assert rows[0][0] == label["first_as_of"]
    assert len(rows) == 15
    for date, _, rate in rows:
        assert label["base_rate_low"] <= rate <= label["base_rate_high"], date
    users = sum(row[1] for row in rows)
    rate = sum(row[1] * row[2] for row in rows) / users
    assert label["pooled_base_rate_low"] <= rate <= label["pooled_base_rate_high"]


def test_the_churn_model_recovers_the_planted_hazard_of_new_and_other_users(
    seeds_build,
):
    metrics = {
        tuple(row[:3]): row[3:]
        for row in seeds_build.query("""
            select split, model, metric, value, ci_low, ci_high
            from marts.churn_model_metrics
        """)
    }
    for split in ("test", "test new users"):
        skill = metrics[split, "shipped", "brier_skill"][0]
        assert skill > 0, split
        for baseline in ("recency_rule", "base_rate"):
            assert skill >= metrics[split, baseline, "brier_skill"][0], split
        _, low, high = metrics[split, "shipped", "calibration_intercept"]
        assert low < 0 < high, split
        _, low, high = metrics[split, "shipped", "calibration_slope"]
        assert low < 1 < high, split
    assert 0.9 <= metrics["test", "shipped", "calibration_slope"][0] <= 1.1
    assert metrics["test", "shipped", "brier_skill"][1] > 0
    assert metrics["test", "shipped", "roc_auc_minus_recency_rule"][1] > 0


# Behaviours


def best_behaviors(build: DbtRun) -> dict[str, dict[str, Any]]:
    """The best threshold's row of behavior_impact, by event."""
    columns = [
        "event_name",
        "threshold",
        "verdict",
        "users",
        "phi",
        "independent_risk_difference",
        "independent_ci_low",
        "independent_ci_high",
    ]
    rows = build.query(
        f"select {', '.join(columns)} from marts.behavior_impact where is_best_threshold"
    )
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def planted_difference(event: str) -> float:
    """How much more likely users stay if all do a cause than if none does.

    From the chances that the lives were drawn from, over those whose days 14 to 27 are
    complete: staying is any activity on them.
    """
    visitors = generate.draw_visitors(generate.stream("visitors"))
    users = generate.draw_users(generate.stream("users"), visitors)
    week = generate.draw_first_week(generate.stream("first week"), users)
    rates, tenure_day = generate.daily_rates(users), users.tenure_day()
    is_outcome_day = (tenure_day >= 14) & (tenure_day <= 27)
    counted = (is_outcome_day[:, :-1].sum(axis=1) == 14) & ~users.is_staff

    def staying(does: bool) -> float:
        causes = week.causes | {event: np.full(len(users), does)}
        churn = generate.churn_distribution(users, replace(week, causes=causes))
        never = np.full(len(users), generate.NEVER)
        activity = generate.Activity(never, never, is_outcome_day, rates, churn)
        chance = generate.expected_activity(
            users,
            activity,
            lambda values: np.where(is_outcome_day, values, 0.0).sum(axis=1),
        )
        return float(chance[counted].mean())

    return staying(True) - staying(False)


def test_planted_causes_are_found_at_their_thresholds_and_confirmed(seeds_build, truth):
    found = best_behaviors(seeds_build)
    for event, cause in truth["behaviors"]["causes"].items():
        assert found[event]["verdict"] == "confirmed", event
        assert found[event]["threshold"] == cause["threshold"], event


def test_at_most_one_in_twenty_planted_bystanders_is_confirmed(seeds_build, truth):
    found = best_behaviors(seeds_build)
    bystanders = truth["behaviors"]["bystanders"]["per_session"]
    assert set(bystanders) <= set(found)
    confirmed = [e for e in bystanders if found[e]["verdict"] == "confirmed"]
    assert len(confirmed) <= len(bystanders) / 20, confirmed
    # By their correlation alone, most of them would be.
    z = 1.959963984540054
    clear = [e for e in bystanders if found[e]["users"] * found[e]["phi"] ** 2 > z**2]
    assert len(clear) > len(bystanders) / 2


def test_what_only_goes_along_with_the_causes_is_not_confirmed(seeds_build, truth):
    found = best_behaviors(seeds_build)
    confirmed = {e for e, row in found.items() if row["verdict"] == "confirmed"}
    assert confirmed == set(truth["behaviors"]["causes"])
    left_out = dict(
        seeds_build.query("""
            select event_name, left_out_reason from marts.behavior_impact
            where threshold = 1 and verdict = 'left out'
        """)
    )
    assert left_out == {
        "app_opened": "automatic",
        "signup": "universal",
        **dict.fromkeys(truth["behaviors"]["passive_events"], "passive"),
    }


@pytest.mark.parametrize("event", ["list_shared", "plan_created", "meal_cooked"])
def test_what_remains_of_a_cause_is_what_was_planted(seeds_build, event):
    row = best_behaviors(seeds_build)[event]
    low, high = row["independent_ci_low"], row["independent_ci_high"]
    sd = (high - low) / 2 / 1.959963984540054
    planted = planted_difference(event)
    assert planted > 0.1
    assert abs(row["independent_risk_difference"] - planted) <= WIDE * sd
    assert low > 0


# Segments of behaviour


def likeliest_personas(build: DbtRun, truth: dict, date: str) -> dict[str, str]:
    """Persona of each user by who knows the planted odds, from 28 days.

    What a persona multiplies an event's odds by is, for events this rare, what it
    multiplies its number by.
    """
    planted = truth["personas"]
    personas = planted["personas"]
    counts: dict[str, dict[str, int]] = {}
    for user_id, event_name, events in build.query(
        """
        select user_id, event_name, events_28 from marts.user_event_usage
        where as_of_date = ?
        """,
        date,
    ):
        counts.setdefault(user_id, {})[event_name] = events

    def log_likelihood(persona: str, user: dict[str, int]) -> float:
        return sum(
            user.get(event, 0)
            * math.log(
                told["odds_ratio"] if name == persona else planted["other_odds_ratio"]
            )
            for name, told in personas.items()
            for event in told["events"]
        )

    return {
        user_id: max(personas, key=lambda name: log_likelihood(name, user))
        for user_id, user in counts.items()
    }


def segmented_users(build: DbtRun) -> dict[str, dict[str, str]]:
    """Behaviour segment of each user who has one, by date, newest first."""
    found: dict[str, dict[str, str]] = {}
    for date, user_id, segment in build.query("""
        select as_of_date::varchar, user_id, behavior_segment from marts.user_segments
        where behavior_segment_id is not null
        order by as_of_date desc, user_id
    """):
        found.setdefault(date, {})[user_id] = segment
    return found


def test_segments_of_behaviour_are_the_planted_personas_on_every_date(
    seeds_build, truth
):
    by_date = segmented_users(seeds_build)
    persona = generate.personas()
    assert len(by_date) == 6
    for date, segment in by_date.items():
        assert len(segment) > 120
        assert len(set(segment.values())) == len(truth["personas"]["personas"])
        planted = [persona[user_id] for user_id in segment]
        found = adjusted_rand_score(planted, list(segment.values()))
        # A user of ten events leaves even those in doubt who know what was planted. The
        # segments were told nothing, and may lose a twentieth to them, no more.
        likeliest = likeliest_personas(seeds_build, truth, date)
        best = adjusted_rand_score(planted, [likeliest[user_id] for user_id in segment])
        assert best > 0.85, date
        assert found > best - 0.05, (date, found, best)


def test_segments_of_behaviour_are_named_by_what_their_persona_does_more(
    seeds_build, truth
):
    segment = next(iter(segmented_users(seeds_build).values()))
    persona = generate.personas()
    named = {}
    for name in set(segment.values()):
        members = [persona[user] for user, of in segment.items() if of == name]
        most = max(set(members), key=members.count)
        named[most] = set(name.removeprefix("More ").split(", "))
    planted = truth["personas"]["personas"]
    assert set(named) == set(planted)
    for name, events in named.items():
        assert events <= set(planted[name]["events"]), name


def test_segments_of_behaviour_are_stable_and_say_nothing_of_how_much(seeds_build):
    stability = value(seeds_build, "select min(stability) from marts.segment_profiles")
    assert stability > 0.85  # Hennig's limit for a highly stable cluster
    apart = value(
        seeds_build,
        """
        select max(cramers_v) from marts.segment_associations
        where compared_with in ('engagement tier', 'plan', 'platform', 'channel')
            and users >= 400
        """,
    )
    # Personas were drawn of themselves. An association this small is a weak one.
    assert apart < 0.2


# Edges


def test_funnel_attempts_flag_exactly_the_planted_ties(seeds_build, truth):
    [(tied, visit_signup, plan_cook)] = seeds_build.query("""
        select
            count(distinct user_id),
            count(distinct case when step_times[1] = step_times[2] then user_id end),
            count(distinct case when step_times[3] = step_times[4] then user_id end)
        from marts.funnel_attempts
        where funnel = 'purchase' and had_tie
    """)
    edges = truth["edges"]
    assert visit_signup == edges["visit_signup_ties"]["value"]
    assert plan_cook == edges["plan_cook_ties"]["value"]
    assert tied == visit_signup + plan_cook
    unflagged = value(
        seeds_build,
        """
        select count(*) from marts.funnel_attempts
        where not had_tie and len(list_filter(step_times, lambda step: step is not null))
                != len(list_distinct(step_times))
        """,
    )
    assert unflagged == 0


def test_sessions_across_midnight_stay_one_session(seeds_build, truth):
    rows = seeds_build.query("""
        select
            sessions.session_id,
            sessions.start_date = cast(sessions.started_at as date),
            count(distinct events.event_date)
        from core.fct_sessions as sessions
        inner join core.fct_events as events
            on sessions.user_id = events.user_id
            and sessions.session_id = events.session_id
        where cast(sessions.started_at as date) < cast(sessions.ended_at as date)
        group by all
    """)
    assert len(rows) == truth["edges"]["sessions_across_midnight"]["value"]
    assert {(starts, days) for _, starts, days in rows} == {(True, 2)}


def test_sessions_in_the_clock_change_are_neither_split_nor_lost(seeds_build, truth):
    [(sessions, longest)] = seeds_build.query("""
        select count(*), max(duration_seconds) from core.fct_sessions
        where started_at between '2026-03-29 00:10:00' and '2026-03-29 02:40:00'
    """)
    # Others may have come that night of their own accord.
    assert sessions >= truth["edges"]["clock_change_sessions"]["value"]
    assert longest < 3600


def test_sessions_of_a_user_are_apart_by_more_than_the_planted_gap(seeds_build, truth):
    closest = value(
        seeds_build,
        """
        select min(gap) from (
            select
                started_at - lag(ended_at) over (
                    partition by user_id order by started_at
                ) as gap
            from core.fct_sessions
            where activity_count > 0
        )
        """,
    )
    minutes = truth["edges"]["session_gap_minutes"]["value"]
    assert closest.total_seconds() > 60 * minutes


def test_supplied_sessions_are_all_modelled_or_set_aside(seeds_build, truth):
    modelled = value(
        seeds_build, "select count(*) from core.fct_sessions where is_supplied"
    )
    rejected = value(
        seeds_build,
        """
        select count(*) from staging.stg_rejected_rows where source_table = 'sessions'
        """,
    )
    assert modelled + rejected == truth["rows"]["sessions"]


def test_every_kind_of_dirt_is_recovered(truth):
    told = {key for key, told in truth["dirt"].items() if isinstance(told, dict)}
    recovered = {
        *REJECTED_EVENTS.values(),
        "rows_to_reject",
        "sessions_of_unknown_users",
        "duplicate_user_rows",
        "late_arrivals",
        "late_after_hours",
        "events_after_load",
        "duplicate_event_ids",
        "duplicate_event_ids_with_changed_properties",
    }
    assert told == recovered
    assert set(truth["excluded"]) == {
        "internal_events",
        "internal_events_since_valid_from",
        "bot_events",
    }
    assert set(truth["identity"]) == {
        "linked_user_pairs",
        "linked_anonymous_ids",
        "anonymous_visitors_never_linked",
        "shared_device",
    }
