"""Writes what_each_tool_says.md: small streams on which tools disagree, and their answers.

    python -m docs.what_each_tool_says

Each peer's rule is a function over a stream, written from what its documentation or code
says that it does; no peer is run. This project's answers come from its own macros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Any

import duckdb
import pandas as pd

from tests.conformance.render import render

PAGE = Path(__file__).with_suffix(".md")
INTRODUCTION = """\
<!-- Written by docs/what_each_tool_says.py; a test compares. -->

# What each tool says

The same events, counted by different tools, give different numbers, and each tool is
right by a rule of its own. For each rule on which they differ this page has a stream
small enough to count by hand, what each tool's rule gives, and what this project gives
and why.

The answers of this project come from its macros, run on the stream. The answers of other
tools come from their rules, as their documentation or code states them, written down
again in [the script](what_each_tool_says.py) that makes this page; the tools themselves
were not run, and later versions may count otherwise. How far the headline numbers of
your own data move is in the mart `metric_sensitivity`.
"""
WIDTH = 90
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """An event of a stream; `at` in UTC."""

    user: str
    name: str
    at: datetime


@dataclass(frozen=True)
class Rule:
    """How a tool counts: its name, the rule in words, where that is said, its answer."""

    tool: str
    words: str
    source: str
    answer: Callable[[Sequence[Event]], str]


@dataclass(frozen=True)
class Query:
    """A call of a macro of this project on the tables so far; its rows become `name`."""

    name: str
    macro: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A stream and who says what about it.

    `queries` run in order over the table `events`; `ours` is SQL over their tables that
    gives the answer as one text.
    """

    title: str
    question: str
    stream: Sequence[Event]
    shown: str
    queries: Sequence[Query]
    ours: str
    why: str
    rules: Sequence[Rule]


def events(*lines: str) -> list[Event]:
    """Events from lines of `user name day time`, the day in January 2026 or a date."""
    found = []
    for line in lines:
        user, name, day, time = line.split()
        whole_day = f"2026-01-{int(day):02}" if day.isdigit() else day
        found.append(Event(user, name, datetime.fromisoformat(f"{whole_day} {time}")))
    return found


def by_user(stream: Iterable[Event]) -> dict[str, list[Event]]:
    """Events of each user, in the order of the stream."""
    users: dict[str, list[Event]] = {}
    for event in stream:
        users.setdefault(event.user, []).append(event)
    return users


def times(user_events: Iterable[Event], name: str) -> list[datetime]:
    """Times of a user's events of one name, ascending."""
    return sorted(event.at for event in user_events if event.name == name)


def percent(part: int | Fraction, whole: int = 1) -> str:
    """A share as this page writes it."""
    return f"{round(float(Fraction(part) / whole) * 100, 1):g} %"


def per_step(depths: Iterable[int], steps: int) -> str:
    """Users by step reached, from how deep each user came."""
    reached = list(depths)
    return " / ".join(
        str(sum(depth >= step for depth in reached)) for step in range(1, steps + 1)
    )


# Steps at one instant


def pairs(
    is_later: Callable[[datetime, datetime], bool],
) -> Callable[[Sequence[Event]], str]:
    """Users with a visit and a signup that counts as coming after it."""

    def answer(stream: Sequence[Event]) -> str:
        return ", ".join(
            user
            for user, own in by_user(stream).items()
            if any(
                is_later(visit, signup)
                for visit in times(own, "visit")
                for signup in times(own, "signup")
            )
        )

    return answer


def second(at: datetime) -> datetime:
    """The second in which a time lies."""
    return at.replace(microsecond=0)


def in_row_order(stream: Sequence[Event]) -> str:
    """Users whose signup comes after the visit, rows at one instant as they came."""
    found = []
    for user, own in by_user(stream).items():
        names = [event.name for event in sorted(own, key=lambda event: event.at)]
        if "signup" in names[names.index("visit") :]:
            found.append(user)
    return ", ".join(found)


TIES = Case(
    title="Steps at one instant",
    question=(
        "Funnel visit → signup. Clients send in batches and clocks are coarse, so two"
        " steps often carry one time. Who converted?"
    ),
    stream=events(
        "ann signup 5 10:00:00",
        "ann visit 5 10:00:00",
        "ben visit 5 10:00:00.200",
        "ben signup 5 10:00:00.900",
        "cem signup 5 10:00:00",
        "cem visit 5 10:00:01",
        "dua visit 5 10:00:00",
        "dua signup 5 10:05:00",
    ),
    shown="as it was received",
    queries=[
        Query(
            "attempts",
            "funnel_of_events",
            {
                "events": "events",
                "steps": [{"event": "visit"}, {"event": "signup"}],
                "window_seconds": 14 * 86400,
            },
        )
    ],
    ours="select string_agg(user_id, ', ' order by user_id) from attempts"
    " where deepest_step = 2",
    why=(
        "At one instant nobody knows the order, so the order of the steps is given the"
        " benefit of the doubt: ann counts. cem's times do say that the signup came first,"
        " and a grace would overrule them. `had_tie` marks the attempts that hang on it,"
        " and `tie_rule: strictly_increasing` leaves them out."
    ),
    rules=[
        Rule(
            "PostHog, ClickHouse",
            "a later step may have the same time",
            "PostHog `funnels/base.py`; ClickHouse documentation of `windowFunnel`",
            pairs(lambda visit, signup: signup >= visit),
        ),
        Rule(
            "OpenPanel, Activity Schema",
            "a later step has a later time",
            "openpanel#442 (`strict_increase`); dbt-activity-schema, `first_after`",
            pairs(lambda visit, signup: signup > visit),
        ),
        Rule(
            "Rybbit",
            "a later step lies in a later second",
            "rybbit#1133",
            pairs(lambda visit, signup: second(signup) > second(visit)),
        ),
        Rule(
            "Amplitude",
            "times are cut to the second, in which any order will do",
            "Amplitude documentation, simultaneous events",
            pairs(lambda visit, signup: second(signup) >= second(visit)),
        ),
        Rule(
            "Mixpanel",
            "up to 2 seconds apart, any order will do",
            "Mixpanel documentation, funnels FAQ",
            pairs(lambda visit, signup: signup - visit >= timedelta(seconds=-2)),
        ),
        Rule(
            "Retentioneering",
            "rows at one instant stay as they came",
            "retentioneering-tools, `tools/funnel.py`",
            in_row_order,
        ),
    ],
)


# Which attempt counts

JOURNEY = ("visit", "signup", "purchase")
WINDOW = 14 * DAY


def chain(own: Sequence[Event], entry: datetime, window: timedelta | None) -> int:
    """Steps reached from an entry, each the earliest after the one before."""
    depth, now = 1, entry
    for name in JOURNEY[1:]:
        later = [
            at
            for at in times(own, name)
            if at >= now and (window is None or at <= entry + window)
        ]
        if not later:
            break
        depth, now = depth + 1, later[0]
    return depth


def any_attempt(stream: Sequence[Event]) -> str:
    """The deepest of all attempts."""
    return per_step(
        (
            max((chain(own, entry, WINDOW) for entry in times(own, "visit")), default=0)
            for own in by_user(stream).values()
        ),
        len(JOURNEY),
    )


def first_attempt(window: timedelta | None) -> Callable[[Sequence[Event]], str]:
    """The attempt from the first visit only."""

    def answer(stream: Sequence[Event]) -> str:
        return per_step(
            (
                chain(own, times(own, "visit")[0], window)
                for own in by_user(stream).values()
                if times(own, "visit")
            ),
            len(JOURNEY),
        )

    return answer


def first_times(stream: Sequence[Event]) -> str:
    """Each step's first time ever, compared with that of the first step alone."""
    counts = [0] * len(JOURNEY)
    for own in by_user(stream).values():
        firsts = [times(own, name)[:1] for name in JOURNEY]
        if not firsts[0]:
            continue
        start = firsts[0][0]
        for place, first in enumerate(firsts):
            counts[place] += bool(first) and start <= first[0] <= start + WINDOW
    return " / ".join(map(str, counts))


def users_per_event(stream: Sequence[Event]) -> str:
    """Users who did each event at all."""
    return " / ".join(
        str(sum(bool(times(own, name)) for own in by_user(stream).values()))
        for name in JOURNEY
    )


ATTEMPTS = Case(
    title="Which attempt counts",
    question=(
        "Funnel visit → signup → purchase within 14 days. How many users reached each"
        " step?"
    ),
    stream=events(
        "ann visit 1 09:00",
        "ann signup 2 09:00",
        "ann purchase 3 09:00",
        "ben visit 1 09:00",
        "ben visit 2026-02-10 09:00",
        "ben signup 2026-02-11 09:00",
        "ben purchase 2026-02-12 09:00",
        "cem visit 1 09:00",
        "cem signup 2026-03-02 09:00",
        "cem purchase 2026-03-03 09:00",
        "dua signup 1 09:00",
        "dua visit 2 09:00",
        "dua signup 3 09:00",
        "eli visit 1 09:00",
        "eli purchase 2 09:00",
        "fay visit 1 09:00",
        "fay purchase 2 09:00",
        "fay signup 3 09:00",
        "fay purchase 2026-01-20 09:00",
    ),
    shown="by user",
    queries=[
        Query(
            "attempts",
            "funnel_of_events",
            {
                "events": "events",
                "steps": [{"event": name} for name in JOURNEY],
                "window_seconds": 14 * 86400,
            },
        )
    ],
    ours="select string_agg(users, ' / ' order by step) from (select step,"
    " cast(count(*) as varchar) as users from attempts, range(1, 4) as steps(step)"
    " where deepest_step >= step group by step)",
    why=(
        "ben gave up once and converted five weeks later; that is a user the product"
        " won. So every visit opens an attempt, and the deepest one speaks for the user,"
        " the earliest among equals. The first attempt stays one filter away"
        " (`is_first`), or is the rule with `attempt_rule: first`."
    ),
    rules=[
        Rule(
            "Amplitude, PostHog",
            "the deepest of all attempts",
            "Amplitude documentation, how funnels are computed; PostHog"
            " `funnel-udf/src/steps.rs`",
            any_attempt,
        ),
        Rule(
            "Mixpanel",
            "the first attempt, later visits do not restart it",
            "Mixpanel documentation, funnels (re-entry off, its default)",
            first_attempt(WINDOW),
        ),
        Rule(
            "dbt_product_analytics",
            "the first attempt, without a window",
            "dbt_product_analytics `macros/funnel.sql`",
            first_attempt(None),
        ),
        Rule(
            "PostHog's modelling recipes",
            "the first time of each step ever, each compared with the first step only",
            "PostHog data modelling skills, `fct_conversion.sql`",
            first_times,
        ),
        Rule(
            "Fivetran dbt_mixpanel",
            "who did each event at all, in any order",
            "dbt_mixpanel, `analyze_funnel`",
            users_per_event,
        ),
    ],
)


# The same event twice


def occurrences(
    count: Callable[[Sequence[datetime]], int],
) -> Callable[[Sequence[Event]], str]:
    """Users with a purchase after two views, as `count` tells views apart."""

    def answer(stream: Sequence[Event]) -> str:
        return ", ".join(
            user
            for user, own in by_user(stream).items()
            if any(
                count([at for at in times(own, "view") if at <= purchase]) >= 2
                for purchase in times(own, "purchase")
            )
        )

    return answer


REPEATS = Case(
    title="A step that repeats",
    question="Funnel view → view → purchase. Who converted?",
    stream=events(
        "ann view 5 10:00:00",
        "ann purchase 5 10:10:00",
        "ben view 5 10:00:00",
        "ben view 5 10:05:00",
        "ben purchase 5 10:10:00",
        "cem view 5 10:00:00",
        "cem view 5 10:00:00",
        "cem purchase 5 10:10:00",
    ),
    shown="by user",
    queries=[
        Query(
            "attempts",
            "funnel_of_events",
            {
                "events": "events",
                "steps": [{"event": "view"}, {"event": "view"}, {"event": "purchase"}],
                "window_seconds": 14 * 86400,
            },
        )
    ],
    ours="select string_agg(user_id, ', ' order by user_id) from attempts"
    " where deepest_step = 3",
    why=(
        "Two steps need two events, whatever their times: one event never fills two"
        " steps, and two events are two even at one instant. Rows that are copies of one"
        " event are the business of staging (`duplicate_rows`), not of the funnel."
    ),
    rules=[
        Rule(
            "PostHog, in its older SQL",
            "a repeated step needs a later time",
            "PostHog `funnels/base.py`",
            occurrences(lambda found: len(set(found))),
        ),
        Rule(
            "PostHog, in its function",
            "each step takes an event of its own",
            "PostHog `funnel-udf/src/steps.rs`",
            occurrences(len),
        ),
        Rule(
            "Amplitude",
            "events of one name in one second are one",
            "Amplitude documentation, simultaneous events",
            occurrences(lambda found: len({second(at) for at in found})),
        ),
        Rule(
            "duckdb-behavioral",
            "one event may fill several steps",
            "duckdb-behavioral, `window_funnel` in its default mode",
            occurrences(lambda found: 2 * len(found)),
        ),
    ],
)


# Excluded events

PATH = ("signup", "plan", "purchase")


def with_exclusion(removes_user: bool) -> Callable[[Sequence[Event]], str]:
    """Depth of each user; a cancel between plan and purchase ends or removes them."""

    def depth(own: Sequence[Event]) -> int:
        reached = 0
        for event in sorted(own, key=lambda event: event.at):
            if event.name == "cancel" and reached == 2:
                return 0 if removes_user else reached
            if reached < len(PATH) and event.name == PATH[reached]:
                reached += 1
        return reached

    return lambda stream: per_step(map(depth, by_user(stream).values()), len(PATH))


EXCLUSIONS = Case(
    title="Excluded events",
    question=(
        "Funnel signup → plan → purchase, with cancel excluded between plan and purchase."
        " How many users reached each step?"
    ),
    stream=events(
        "ann signup 5 10:00",
        "ann plan 5 10:01",
        "ann purchase 5 10:03",
        "ben signup 5 10:00",
        "ben plan 5 10:01",
        "ben cancel 5 10:02",
        "ben purchase 5 10:03",
        "cem signup 5 10:00",
        "cem cancel 5 10:01",
        "cem plan 5 10:02",
        "cem purchase 5 10:03",
    ),
    shown="by user",
    queries=[
        Query(
            "attempts",
            "funnel_of_events",
            {
                "events": "events",
                "steps": [{"event": name} for name in PATH],
                "window_seconds": 14 * 86400,
                "exclusions": [{"event": "cancel", "from_step": 2, "to_step": 3}],
            },
        )
    ],
    ours="select string_agg(users, ' / ' order by step) from (select step,"
    " cast(count(*) as varchar) as users from attempts, range(1, 4) as steps(step)"
    " where deepest_step >= step group by step)",
    why=(
        "ben did sign up and plan. Taking him out of those steps too would make the"
        " first conversions depend on what came later, and here it would read as 100 %."
        " So the attempt ends where the excluded event came, marked `ended_by_exclusion`."
    ),
    rules=[
        Rule(
            "Mixpanel",
            "the steps before it count, those after it do not",
            "Mixpanel documentation, funnels, exclusion steps",
            with_exclusion(removes_user=False),
        ),
        Rule(
            "PostHog",
            "the user leaves the whole funnel",
            "PostHog `funnel-udf/src/steps.rs`",
            with_exclusion(removes_user=True),
        ),
    ],
)


# Retention


def shares(returned: Callable[[datetime, datetime], int]) -> Callable[..., str]:
    """Shares of users with a cook in periods 0 and 1 since their signup."""

    def answer(stream: Sequence[Event]) -> str:
        users = by_user(stream).values()
        periods = [
            {
                returned(start, at)
                for start in times(own, "signup")[:1]
                for at in times(own, "cook")
                if at >= start
            }
            for own in users
        ]
        return ", ".join(
            percent(sum(period in own for own in periods), len(periods))
            for period in (0, 1)
        )

    return answer


def calendar_days(start: datetime, at: datetime) -> int:
    """Days between the days of two times."""
    return (at.date() - start.date()).days


def elapsed_days(start: datetime, at: datetime) -> int:
    """Whole 24 hours between two times."""
    return (at - start) // DAY


def elapsed_days_from_hour(start: datetime, at: datetime) -> int:
    """The same with both times cut to the hour."""
    return elapsed_days(
        start.replace(minute=0, second=0), at.replace(minute=0, second=0)
    )


def assumed_at_start(stream: Sequence[Event]) -> str:
    """Day 0 is everyone; later days are those of the calendar."""
    return f"{percent(1)}, {shares(calendar_days)(stream).split(', ')[1]}"


PERIOD_ZERO = Case(
    title="Period 0, and what a day is",
    question=(
        "Users sign up; coming back is to cook. What share is retained on day 0 and on"
        " day 1?"
    ),
    stream=events(
        "ann signup 5 10:00",
        "ann cook 5 12:00",
        "ann cook 6 11:00",
        "ben signup 5 20:00",
        "ben cook 6 16:00",
        "cem signup 5 09:00",
        "dua signup 5 18:40",
        "dua cook 6 18:10",
    ),
    shown="by user",
    queries=[
        Query(
            "cells",
            "retention_of_events",
            {
                "events": "events",
                "target": "signup",
                "returning": "cook",
                "date_from": "2026-01-05",
                "periods": 3,
            },
        )
    ],
    ours="select string_agg("
    "format('{:g} %', round(100 * retained_users / cohort_users, 1)), ', '"
    " order by period_number) from cells"
    " where cohort_start = date '2026-01-05' and period_number < 2",
    why=(
        "Period 0 is measured like any other: three of four did not cook on the day they"
        " signed up, which 100 % would hide. Days are those of the"
        " reporting calendar, as in every other chart; `retained_elapsed_users` beside"
        " them has periods of 24 hours since each user's own start."
    ),
    rules=[
        Rule(
            "PostHog",
            "day 0 is everyone; calendar days",
            "PostHog#14239, #17315",
            assumed_at_start,
        ),
        Rule(
            "Mixpanel",
            "measured, return on the day itself; periods of 24 hours since the signup",
            "Mixpanel documentation, retention",
            shares(elapsed_days),
        ),
        Rule(
            "Amplitude",
            "measured, return on the day itself; periods of 24 hours, times cut to the"
            " hour",
            "Amplitude documentation, retention",
            shares(elapsed_days_from_hour),
        ),
        Rule(
            "bruin's PostHog template",
            "measured, return on the day itself; calendar periods",
            "bruin `templates/posthog-bigquery`",
            shares(calendar_days),
        ),
    ],
)


def cohort_events(
    sizes: Sequence[tuple[int, int, int]], first_monday: date
) -> list[Event]:
    """Weekly cohorts of (users, back in week 1, weekday of the return) as events."""
    stream = []
    for week, (users, back, day) in enumerate(sizes):
        monday = datetime.combine(first_monday, datetime.min.time()) + 7 * week * DAY
        for number in range(users):
            user = f"{'abc'[week]}{number + 1}"
            stream.append(Event(user, "signup", monday + timedelta(hours=9)))
            if number < back:
                at = monday + (7 + day) * DAY + timedelta(hours=9)
                stream.append(Event(user, "cook", at))
    return stream


def weekly_cells(stream: Sequence[Event]) -> list[tuple[date, int, int]]:
    """Cohorts of (Monday, users, users back in week 1)."""
    cohorts: dict[date, list[bool]] = {}
    for own in by_user(stream).values():
        start = times(own, "signup")[0].date()
        monday = start - start.weekday() * DAY
        back = any(7 <= (at.date() - monday).days < 14 for at in times(own, "cook"))
        cohorts.setdefault(monday, []).append(back)
    return [(monday, len(back), sum(back)) for monday, back in sorted(cohorts.items())]


def pooled_over(last_day: date | None) -> Callable[[Sequence[Event]], str]:
    """Week 1 of all users whose week 1 has ended by a day; None: of all users."""

    def answer(stream: Sequence[Event]) -> str:
        cells = [
            (users, back)
            for monday, users, back in weekly_cells(stream)
            if last_day is None or monday + 13 * DAY <= last_day
        ]
        return percent(sum(back for _, back in cells), sum(users for users, _ in cells))

    return answer


def mean_over(last_day: date) -> Callable[[Sequence[Event]], str]:
    """The mean of the cohorts whose week 1 has ended by a day."""

    def answer(stream: Sequence[Event]) -> str:
        rates = [
            Fraction(back, users)
            for monday, users, back in weekly_cells(stream)
            if monday + 13 * DAY <= last_day
        ]
        return percent(sum(rates, Fraction(0)) / len(rates))

    return answer


def weighted_twice(last_day: date) -> Callable[[Sequence[Event]], str]:
    """Complete cohorts, both counts weighted by the size of the cohort once more."""

    def answer(stream: Sequence[Event]) -> str:
        cells = [
            (users, back)
            for monday, users, back in weekly_cells(stream)
            if monday + 13 * DAY <= last_day
        ]
        return percent(
            Fraction(
                sum(back * users for users, back in cells),
                sum(users * users for users, _ in cells),
            )
        )

    return answer


def weekly_queries(date_to: str) -> list[Query]:
    """Cells of the weekly cohorts, and their pooled rate over complete ones."""
    return [
        Query(
            "cells",
            "retention_of_events",
            {
                "events": "events",
                "target": "signup",
                "returning": "cook",
                "period": "week",
                "date_to": date_to,
            },
        ),
        Query(
            "rate",
            "averaged_rate",
            {
                "averaging": "pooled",
                "retained": "retained_users",
                "cohort": "cohort_users",
            },
        ),
    ]


OUR_RATE = "select format('{:g} %', round(100 * value, 1)) from rate"
LAST_DAY = date(2026, 1, 27)
INCOMPLETE = Case(
    title="Periods that have not ended",
    question=(
        "Three weekly cohorts of four users sign up on the 5th, 12th and 19th of January,"
        " and the data ends on Tuesday the 27th: week 1 of the last cohort has just"
        " begun. What is retention in week 1?"
    ),
    stream=cohort_events([(4, 2, 2), (4, 3, 2), (4, 1, 1)], date(2026, 1, 5)),
    shown="by cohort",
    queries=weekly_queries("2026-01-27"),
    ours=OUR_RATE,
    why=(
        "A week that is two days old cannot be compared with whole ones; counting it"
        " bends every curve down at its end. Each cell says `is_complete`, and curves pool"
        " the complete ones only."
    ),
    rules=[
        Rule(
            "Amplitude",
            "only users whose week has ended",
            "Amplitude documentation, retention (incomplete cells are starred)",
            pooled_over(LAST_DAY),
        ),
        Rule(
            "Mixpanel",
            "only weeks that have ended; its weighting, see below, changes nothing where"
            " cohorts are equal",
            "Mixpanel documentation, retention",
            weighted_twice(LAST_DAY),
        ),
        Rule(
            "dbt_product_analytics",
            "all users, whether their week has ended or not",
            "dbt_product_analytics `macros/retention.sql`",
            pooled_over(None),
        ),
    ],
)

AVERAGES = Case(
    title="Averages over cohorts",
    question=(
        "A cohort of 10 users, of whom 8 come back in week 1, and one of 40, of whom 12"
        " do. What is retention in week 1?"
    ),
    stream=cohort_events([(10, 8, 2), (40, 12, 2)], date(2026, 1, 5)),
    shown="by cohort",
    queries=weekly_queries("2026-01-31"),
    ours=OUR_RATE,
    why=(
        "Pooled, every user counts once, and the rate is the answer to what share of the"
        " users came back. `averaging: mean` lets every cohort count once."
    ),
    rules=[
        Rule(
            "PostHog, Amplitude",
            "every user counts once",
            "PostHog#25998; Amplitude documentation, retention",
            pooled_over(None),
        ),
        Rule(
            "PostHog, as an option",
            "every cohort counts once",
            "PostHog documentation, retention",
            mean_over(date(2026, 1, 31)),
        ),
        Rule(
            "Mixpanel",
            "both counts weighted by the size of the cohort once more",
            "Mixpanel documentation, retention, weighted average",
            weighted_twice(date(2026, 1, 31)),
        ),
    ],
)


# Trailing windows

AS_OF = date(2026, 3, 30)


def active_days(stream: Sequence[Event]) -> dict[str, set[date]]:
    """The days on which each user was active."""
    return {
        user: {event.at.date() for event in own}
        for user, own in by_user(stream).items()
    }


def active_since(stream: Sequence[Event], first_day: date) -> int:
    """Users active from a day to the as_of_date."""
    return sum(
        any(first_day <= day <= AS_OF for day in days)
        for days in active_days(stream).values()
    )


def trailing(wau: int, mau: int) -> Callable[[Sequence[Event]], str]:
    """WAU and MAU over trailing days, the as_of_date included."""
    return lambda stream: ", ".join(
        str(active_since(stream, AS_OF - (days - 1) * DAY)) for days in (wau, mau)
    )


def calendar(stream: Sequence[Event]) -> str:
    """Users of the week and of the month to date."""
    monday = AS_OF - AS_OF.weekday() * DAY
    return (
        f"{active_since(stream, monday)}, {active_since(stream, AS_OF.replace(day=1))}"
    )


WINDOWS = Case(
    title="WAU and MAU",
    question=(
        "Each user is active on the day shown; today is Monday the 30th of March. How"
        " many weekly and monthly active users are there?"
    ),
    stream=events(
        "ann open 2026-03-01 12:00",
        "ben open 2026-03-02 12:00",
        "cem open 2026-03-03 12:00",
        "dua open 2026-03-23 12:00",
        "eli open 2026-03-24 12:00",
        "fay open 2026-03-29 12:00",
        "gus open 2026-03-30 12:00",
        "hal open 2026-03-30 13:00",
    ),
    shown="by user",
    queries=[
        Query(
            "active",
            "active_users_of_events",
            {"events": "events", "windows": {"wau": 7, "mau": 28}},
        ),
    ],
    ours=f"select wau || ', ' || mau from active where period_start = date '{AS_OF}'",
    why=(
        "28 days hold four of each weekday, so MAU does not swing with how many weekends"
        " are in it, and neither number falls on the first day of a week or a month."
        " Users by calendar week and month are in the mart `lifecycle`."
    ),
    rules=[
        Rule(
            "Fivetran dbt_mixpanel",
            "trailing 7 and 28 days",
            "dbt_mixpanel `mixpanel__daily_events`",
            trailing(7, 28),
        ),
        Rule(
            "PostHog's active users, Mattermost's warehouse",
            "trailing 7 and 30 days",
            "PostHog `trends/aggregation_operations.py`; mattermost-data-warehouse",
            trailing(7, 30),
        ),
        Rule(
            "Weekly and monthly charts of PostHog, Mixpanel, Amplitude",
            "calendar week and month to date",
            "their documentation of charts by week and month",
            calendar,
        ),
    ],
)


# Sessions


def sessions(
    splits: Callable[[datetime, datetime], bool],
) -> Callable[[Sequence[Event]], str]:
    """Sessions of each user, where `splits` says that a session ends between events."""

    def answer(stream: Sequence[Event]) -> str:
        counts = []
        for user, own in by_user(stream).items():
            at = sorted(event.at for event in own)
            ends = sum(splits(one, other) for one, other in pairwise(at))
            counts.append(f"{user} {1 + ends}")
        return ", ".join(counts)

    return answer


def crosses_minutes_or_midnight(one: datetime, other: datetime) -> bool:
    """More than 30 changes of the minute on the clock, or one of the day."""
    whole = other.replace(second=0) - one.replace(second=0)
    return whole > 30 * MINUTE or one.date() != other.date()


SESSIONS = Case(
    title="Sessions at the timeout and over midnight",
    question="Two events each, and a timeout of 30 minutes. How many sessions?",
    stream=events(
        "ann open 5 10:00:00",
        "ann open 5 10:30:00",
        "ben open 5 10:00:59",
        "ben open 5 10:31:00",
        "cem open 5 10:00:00",
        "cem open 5 10:30:59",
        "dua open 5 23:50:00",
        "dua open 6 00:10:00",
    ),
    shown="by user",
    queries=[
        Query(
            "sessions",
            "sessionize",
            {"events": "events", "columns": ["user_id"], "gap_seconds": 1800},
        )
    ],
    ours="select string_agg(user_id || ' ' || sessions, ', ' order by user_id) from"
    " (select user_id, count(distinct session_id) as sessions from sessions"
    " group by user_id)",
    why=(
        "A gap longer than the timeout ends a session, measured as elapsed time: cem's"
        " gap is longer than ann's, and counting the minutes that the clock passes cannot"
        " see it. Nobody stops at midnight because it is midnight, and which midnight"
        " would depend on the reporting timezone."
    ),
    rules=[
        Rule(
            "duckdb-behavioral, PostHog's paths",
            "a gap of more than 30 minutes elapsed",
            "duckdb-behavioral, `sessionize`; PostHog paths query",
            sessions(lambda one, other: other - one > 30 * MINUTE),
        ),
        Rule(
            "Fivetran dbt_mixpanel",
            "more than 30 changes of the minute, and every midnight",
            "dbt_mixpanel, session model (`datediff` in minutes)",
            sessions(crosses_minutes_or_midnight),
        ),
    ],
)

CASES = (
    TIES,
    ATTEMPTS,
    REPEATS,
    EXCLUSIONS,
    PERIOD_ZERO,
    INCOMPLETE,
    AVERAGES,
    WINDOWS,
    SESSIONS,
)
# What a macro that gives an expression, not a query, is selected from.
EXPRESSIONS = {
    "averaged_rate": "select {} as value from cells"
    " where period_number = 1 and is_complete",
}


def our_answers(cases: Sequence[Case]) -> list[str]:
    """What this project's macros give for each case."""
    queries = [query for case in cases for query in case.queries]
    rendered = iter(render([(query.macro, query.arguments) for query in queries]))
    answers = []
    for case in cases:
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            load(connection, case.stream)
            for query in case.queries:
                sql = EXPRESSIONS.get(query.macro, "{}").replace("{}", next(rendered))
                connection.execute(f"create table {query.name} as {sql}")
            row = connection.execute(case.ours).fetchone()
        answers.append(row[0] if row else "")
    return answers


def load(connection: duckdb.DuckDBPyConnection, stream: Sequence[Event]) -> None:
    """Creates the table `events`; event_id is the place in the stream."""
    frame = pd.DataFrame(  # noqa: F841
        {
            "event_id": [f"{place:04}" for place in range(len(stream))],
            "user_id": [event.user for event in stream],
            "event_name": [event.name for event in stream],
            "properties": "{}",
            "event_time": [event.at for event in stream],
        }
    )
    connection.execute("""
        create table events as
        select * replace (cast(event_time as timestamp) as event_time) from frame
    """)


def page() -> str:
    """The page in Markdown."""
    sections = [
        section(case, ours)
        for case, ours in zip(CASES, our_answers(CASES), strict=True)
    ]
    return "\n".join([INTRODUCTION, *sections])


def section(case: Case, ours: str) -> str:
    """A case: the stream, a table of answers with ours first, and the reason."""
    rows = [("**This project**", f"**{ours}**", "see below", "its macros, run")]
    for rule in case.rules:
        rows.append((rule.tool, rule.answer(case.stream), rule.words, rule.source))
    return "\n".join(
        [
            f"## {case.title}",
            "",
            fill(case.question, WIDTH),
            "",
            *shown_stream(case),
            "",
            *table(("who", "says", "by the rule", "as stated in"), rows),
            "",
            fill(case.why, WIDTH),
            "",
        ]
    )


def shown_stream(case: Case) -> list[str]:
    """The stream as a table: event by event, a line per user, or a line per cohort."""
    if case.shown == "as it was received":
        rows = [(event.user, event.name, clock(event.at)) for event in case.stream]
        return table(("user", "event", "time"), rows)
    if case.shown == "by cohort":
        cells = weekly_cells(case.stream)
        rows = [(str(monday), str(users), str(back)) for monday, users, back in cells]
        return table(("signed up in the week of", "users", "back in week 1"), rows)
    rows = [
        (user, ", ".join(f"{event.name} {clock(event.at)}" for event in own))
        for user, own in by_user(case.stream).items()
    ]
    return table(("user", "events"), rows)


def clock(at: datetime) -> str:
    """A time as short as it can be said."""
    text = at.strftime("%d %b %H:%M").lstrip("0")
    if at.second or at.microsecond:
        text += at.strftime(":%S")
    return text + (f".{at.microsecond // 1000:03}" if at.microsecond else "")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
