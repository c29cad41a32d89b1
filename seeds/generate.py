"""Writes the seeds: half a year of Larder, a meal-planning app that does not exist.

Everything that is true of the data is a parameter in the first part of this file, and
is written to `planted_truth.json` beside the tables, so that tests can ask the
warehouse for it. The same file always gives the same bytes: every part draws from a
stream of its own, and only uniform numbers are drawn, because the derived
distributions of numpy may change between releases.

Words used below: a *tenure day* counts calendar days (UTC) since the day of sign-up,
which is day 0; a *tenure week* is seven of them; a *calendar week* starts on Monday.
Times are whole seconds since PERIOD_START until they are written.

    python seeds/generate.py [--output DIR]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

# ---------------------------------------------------------------------------
# What is planted
# ---------------------------------------------------------------------------

SEED = 5

PERIOD_START = datetime(2026, 1, 5)  # a Monday
LOADED_AT = datetime(2026, 7, 6, 7, 30)  # the last day is cut here
WEEKS = 26  # complete ones

# Acquisition. Each visitor comes from one channel and signs up with its probability.
VISITORS = 3_880
VISITOR_GROWTH_PER_WEEK = 0.02
VISITOR_WEEKDAY = (1.08, 1.06, 1.05, 1.02, 0.92, 0.88, 0.99)  # Monday first
CHANNEL_SHARE = {"organic": 0.42, "ads": 0.30, "referral": 0.18, "partner": 0.10}
SIGNUP_PROBABILITY = {"organic": 0.55, "ads": 0.35, "referral": 0.66, "partner": 0.48}
PLATFORM_SHARE = {"ios": 0.40, "android": 0.35, "web": 0.25}
PLAN_SHARE = {"free": 0.72, "plus": 0.21, "team": 0.07}
COUNTRY_SHARE = {"FR": 0.34, "DE": 0.20, "GB": 0.18, "US": 0.18, "ES": 0.10}
SAME_SESSION_SIGNUP_SHARE = 0.64  # the others come back hours or days later
LONGEST_SIGNUP_LAG_DAYS = 4
VISIT_WITH_USER_ID_SHARE = 0.08  # e.g. they followed the link of an invitation

# Funnel and activation: log-odds, each for one user.
FUNNEL_EVENTS = (
    "visit",
    "signup",
    "plan_created",
    "meal_cooked",
    "subscription_started",
)
FUNNEL_WINDOW_DAYS = 14
ACTIVATION_WINDOW_DAYS = 7
ACTIVATION_LOGIT = {
    "intercept": 0.0,
    "latent": 0.30,
    "channel": {"ads": -0.50, "referral": 0.40},
    "platform": {"ios": 0.15, "web": -0.30},
    "plan": {"plus": 0.35, "team": 0.50},
}
FIRST_SESSION_ACTIVATION_SHARE = 0.60
COOK_LOGIT = {"intercept": 0.85, "latent": 0.25, "platform": {"web": -0.30}}
SUBSCRIBE_PROBABILITY = {"free": 0.12, "plus": 0.55, "team": 0.65}  # of those who cook
LATE_STEP_DAYS = (8, 9)  # tenure days: after activation ended, inside every window
LATE_STEP_PROBABILITY = 0.35  # of those active then
LATER_FROM_DAY = 15  # tenure day from which first steps happen outside every window

# Activity. A user who is alive is active on a day with a probability of his own.
DAILY_RATE = 0.164
LATENT_ON_RATE = 0.55  # log scale; latent engagement is standard normal
FIRST_WEEK_RATE_FACTOR = 1.1
RATE_FACTOR = {
    "plan": {"plus": 1.15, "team": 1.30},
    "channel": {"ads": 0.90, "referral": 1.08},
    "platform": {"ios": 1.05, "web": 0.90},
}
HIGHEST_DAILY_RATE = 0.85
ACTIVITY_WEEKDAY = (1.02, 1.00, 0.98, 0.95, 0.84, 0.86, 1.35)  # Sunday is for planning
SUNDAY_PLANNING_FACTOR = 1.8
# Local hours: breakfast, lunch, and the shopping and cooking of the evening.
HOUR_WEIGHT = (2, 1, 1, 1, 1, 2, 8, 18, 20, 16, 16, 26, 34, 22, 14, 16, 32, 52, 58, 46)
HOUR_WEIGHT += (34, 22, 12, 5)
UTC_OFFSET_HOURS = {"FR": 1, "DE": 1, "GB": 0, "ES": 1, "US": -5}  # in winter
SUMMER_TIME = {"US": datetime(2026, 3, 8, 7)}  # where not named: Europe's
SUMMER_TIME_EUROPE = datetime(2026, 3, 29, 1)

# Churn: a hazard at the start of each tenure week from the first on, log-odds.
HAZARD_LOGIT = {
    "intercept": -0.02,
    "log_tenure_week": -0.68,
    "latent": -0.40,
    "signup_month": -0.07,  # per month after January
    "plan": {"plus": -0.65, "team": -0.95},
    "channel": {"ads": 0.55, "referral": -0.35, "partner": 0.10},
    "platform": {"ios": -0.15, "web": 0.30},
}
RATE_FACTOR_BEFORE_CHURN = {1: 0.50, 2: 0.75}  # by weeks left; not in the first week
RESURRECTION_PROBABILITY = 0.15
RESURRECTION_AFTER_WEEKS = (4, 8)  # uniform, both ends included
RESURRECTION_SPELL_WEEKS = 3

# Behaviours of the first 7 days that lower the hazard, and how likely each is.
CAUSES: dict[str, dict[str, Any]] = {
    "list_shared": {
        "threshold": 1,
        "hazard_odds_ratio": 0.42,
        "logit": {"intercept": -1.05, "latent": 0.30, "plan": {"team": 0.60}},
        "among": "signed_up",
    },
    "plan_created": {
        "threshold": 2,
        "hazard_odds_ratio": 0.42,
        "logit": {"intercept": 0.05, "latent": 0.25},
        "among": "activated",
    },
    "meal_cooked": {
        "threshold": 2,
        "hazard_odds_ratio": 0.42,
        "logit": {"intercept": 0.45, "latent": 0.25},
        "among": "cooked",
    },
}
# Events that follow engagement and change nothing: probability in one session.
BYSTANDERS = {
    "recipe_saved": 0.113,
    "photo_added": 0.037,
    "theme_changed": 0.021,
    "tag_added": 0.056,
    "unit_switched": 0.029,
    "note_added": 0.063,
    "timer_started": 0.080,
    "filter_applied": 0.086,
    "rating_given": 0.053,
    "pantry_updated": 0.050,
    "video_watched": 0.047,
    "comment_read": 0.066,
    "help_opened": 0.029,
    "profile_edited": 0.027,
    "collection_made": 0.034,
    "widget_added": 0.019,
    "voice_used": 0.024,
    "offer_viewed": 0.040,
}
LATENT_ON_BYSTANDERS = 0.15  # log-odds per session, on top of more sessions
BROWSING = {"recipe_searched": 0.17, "recipe_viewed": 0.24}  # again and again

# What people come for. A persona shifts what is done in a session, not how much nor
# whether there is one: its events' odds rise, those of the other personas' fall.
PERSONAS: dict[str, dict[str, Any]] = {
    "planner": {
        "share": 0.30,
        "odds_ratio": 3.5,
        "events": (
            "recipe_saved",
            "tag_added",
            "filter_applied",
            "pantry_updated",
            "collection_made",
        ),
    },
    "explorer": {
        "share": 0.28,
        "odds_ratio": 2.0,
        "events": ("recipe_searched", "recipe_viewed"),
    },
    "cook": {
        "share": 0.24,
        "odds_ratio": 5.0,
        "events": (
            "timer_started",
            "note_added",
            "video_watched",
            "unit_switched",
            "voice_used",
        ),
    },
    "social": {
        "share": 0.18,
        "odds_ratio": 7.0,
        "events": ("comment_read", "rating_given", "photo_added", "profile_edited"),
    },
}
OTHER_PERSONAS_ODDS_RATIO = 0.3
LATER_PER_SESSION = {"plan_created": 0.14, "meal_cooked": 0.19, "list_shared": 0.05}
LATER_SUBSCRIPTION_PER_SESSION = {"free": 0.006, "plus": 0.05, "team": 0.06}
PASSIVE_EVENT = "reminder_received"
REMINDED_SHARE = 0.13
REMINDER_WEEKS_AFTER_CHURN = 6

# The label that the warehouse predicts.
CHURN_HORIZON_DAYS = 28
CHURN_ACTIVE_WINDOW_DAYS = 28
CHURN_FIRST_AS_OF = "2026-03-01"  # before, nearly everyone is new
CHURN_BASE_RATE_RANGE = (0.30, 0.45)  # on each weekly as_of
CHURN_POOLED_BASE_RATE_RANGE = (0.33, 0.43)  # over all of them

# Dirt: rows of events.csv with exactly one defect each, none of an excluded user.
DIRT = {
    "duplicate_same": 180,
    "duplicate_changed": 60,
    "late_arrival": 420,
    "no_identity": 75,
    "unknown_user": 90,
    "null_event_time": 55,
    "unparsable_event_time": 40,
    "empty_event_name": 35,
    "time_after_received": 64,
    "time_after_load": 16,
}
LATE_AFTER_HOURS = 24
UNKNOWN_USERS = ("u9001", "u9002", "u9003", "u9004", "u9005")
UNPARSABLE_TIMES = (
    "not a time",
    "2026-13-45 25:61:00",
    "00/00/0000",
    "2026-02-30 12:00:00",
)

# Excluded users, and edges that a warehouse trips over.
STAFF = 6
STAFF_LATENT = 1.2  # they use it more than most, and stay
STAFF_HIRED_LATER = 1  # excluded from the day of hiring on only
BOT_SESSIONS = 40
BOT_EVENTS_PER_SESSION = 20
PLAN_COOK_TIES = 10
VISIT_SIGNUP_TIES = 5
MIDNIGHT_SESSIONS = 12
CLOCK_CHANGE_SESSIONS = 10

# ---------------------------------------------------------------------------
# Time and chance
# ---------------------------------------------------------------------------

MINUTE, HOUR, DAY = 60, 3_600, 86_400
DAYS = WEEKS * 7 + 1  # the last one is partial
LOADED = int((LOADED_AT - PERIOD_START).total_seconds())
LAST_EVENT = LOADED - 4 * MINUTE
SESSION_GAP = 30 * MINUTE
LONGEST_STEP = 9 * MINUTE  # between two events of a session
NEVER = WEEKS + 1  # churn week of those who stay
FIRST_WEEK = range(7)
BLOCKED_DAY = 7  # whether it is within 7 days depends on the hour, so nothing counted


def stream(name: str) -> np.random.Generator:
    """A random stream of its own for one part, so that parts do not move each other."""
    return np.random.default_rng([SEED, *name.encode()])


def logistic(log_odds: np.ndarray | float) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(log_odds)))


def pick(rng: np.random.Generator, weights: Sequence[float], size: int) -> np.ndarray:
    """Indices into `weights`, each as often as its share; shape [size]."""
    cumulative = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(
        cumulative, rng.random(size) * cumulative[-1], side="right"
    ).clip(0, len(weights) - 1)


def pick_names(
    rng: np.random.Generator, shares: dict[str, float], size: int
) -> np.ndarray:
    """Names drawn by their shares; shape [size]."""
    return np.array(list(shares))[pick(rng, list(shares.values()), size)]


def below(rng: np.random.Generator, n: int) -> int:
    """A whole number in 0..n-1."""
    return min(int(rng.random() * n), n - 1)


def between(rng: np.random.Generator, low: float, high: float) -> int:
    """A whole number in low..high."""
    return int(low + rng.random() * (high - low))


def sample(rng: np.random.Generator, items: Sequence[Any], size: int) -> list[Any]:
    """`size` different items, in the order of `items`."""
    if len(items) < size:
        raise ValueError(f"asked for {size} of {len(items)} items")
    chosen = np.sort(np.argsort(rng.random(len(items)), kind="stable")[:size])
    return [items[i] for i in chosen]


def timestamp(seconds: int) -> str:
    return (PERIOD_START + timedelta(seconds=int(seconds))).strftime(
        "%Y-%m-%d %H:%M:%S"
    )


def utc_second_of_day(local_seconds: int, country: str, day: int) -> int:
    """Second of the UTC day of a local time; summer time moves it by an hour."""
    change = SUMMER_TIME.get(country, SUMMER_TIME_EUROPE)
    is_summer = PERIOD_START + timedelta(days=int(day), hours=12) > change
    offset = (UTC_OFFSET_HOURS[country] + is_summer) * HOUR
    return (local_seconds - offset) % DAY


def time_of_day(rng: np.random.Generator, country: str, day: int) -> int:
    """Second of the UTC day, by the rhythm of the country."""
    hour = int(pick(rng, HOUR_WEIGHT, 1)[0])
    return utc_second_of_day(hour * HOUR + below(rng, HOUR), country, day)


# ---------------------------------------------------------------------------
# People
# ---------------------------------------------------------------------------


@dataclass
class Visitors:
    """Everyone who saw the marketing page; arrays of shape [visitors].

    `first_visit_at`, `signed_up_at` in seconds; signed_up_at is -1 for those who do not
    sign up before the load.
    """

    channel: np.ndarray
    country: np.ndarray
    first_visit_at: np.ndarray
    signed_up_at: np.ndarray
    is_same_session: np.ndarray


@dataclass
class Users:
    """Everyone who signed up, in order of sign-up; arrays of shape [users].

    `visitor` is the row in Visitors; `latent` is standard normal; `persona` is a key of
    PERSONAS.
    """

    visitor: np.ndarray
    signed_up_at: np.ndarray
    plan: np.ndarray
    platform: np.ndarray
    channel: np.ndarray
    country: np.ndarray
    latent: np.ndarray
    persona: np.ndarray
    is_staff: np.ndarray

    def __len__(self) -> int:
        return len(self.visitor)

    @property
    def signup_day(self) -> np.ndarray:
        return self.signed_up_at // DAY

    def tenure_day(self) -> np.ndarray:
        """Tenure day of each user on each day, negative before; [users, DAYS]."""
        return np.arange(DAYS)[None, :] - self.signup_day[:, None]


def draw_visitors(rng: np.random.Generator) -> Visitors:
    """Visitors in order of first visit, the staff's own visits among them."""
    days = np.arange(DAYS)
    growth = (1 + VISITOR_GROWTH_PER_WEEK) ** (days / 7)
    day = np.sort(pick(rng, growth * np.array(VISITOR_WEEKDAY)[days % 7], VISITORS))
    channel = pick_names(rng, CHANNEL_SHARE, VISITORS)
    country = pick_names(rng, COUNTRY_SHARE, VISITORS)
    seconds = [time_of_day(rng, c, d) for c, d in zip(country, day, strict=True)]
    first_visit_at = before_last_hour(day * DAY + np.array(seconds))
    # Nobody enters the funnel so close to a window before the load that it matters
    # whether the data end with the load or with the last event.
    closing = LOADED - FUNNEL_WINDOW_DAYS * DAY
    is_close = np.abs(first_visit_at - closing) < 30 * MINUTE
    first_visit_at = first_visit_at + np.where(is_close, HOUR, 0)
    signs_up = rng.random(VISITORS) < [SIGNUP_PROBABILITY[c] for c in channel]
    is_same = rng.random(VISITORS) < SAME_SESSION_SIGNUP_SHARE
    lag = draw_signup_lags(rng, is_same)
    signed_up_at = first_visit_at + lag
    # A sign-up near midnight would carry its session, or the visit before it, over it.
    too_late = signed_up_at % DAY > 23 * HOUR + 20 * MINUTE
    signed_up_at -= np.where(too_late & ~is_same, 40 * MINUTE, 0)
    too_early = signed_up_at % DAY < 15 * MINUTE
    signed_up_at += np.where(too_early & ~is_same, 20 * MINUTE, 0)
    signs_up &= signed_up_at <= LAST_EVENT - 15 * MINUTE
    kept = first_visit_at <= LAST_EVENT - 15 * MINUTE
    order = np.argsort(first_visit_at[kept], kind="stable")

    def take(values: np.ndarray) -> np.ndarray:
        return values[kept][order]

    return Visitors(
        channel=take(channel),
        country=take(country),
        first_visit_at=take(first_visit_at),
        signed_up_at=take(np.where(signs_up, signed_up_at, -1)),
        is_same_session=take(is_same),
    )


def before_last_hour(at: np.ndarray | int) -> np.ndarray:
    """Visits of a day's last hour come an hour sooner: only planted sessions cross
    midnight."""
    return at - np.where(at % DAY >= 23 * HOUR, HOUR, 0)


def draw_signup_lags(rng: np.random.Generator, is_same: np.ndarray) -> np.ndarray:
    """Seconds from first visit to sign-up: minutes in one session, else 2 h to days."""
    minutes = MINUTE + rng.random(len(is_same)) * 18 * MINUTE
    longest = LONGEST_SIGNUP_LAG_DAYS * DAY - 3 * HOUR
    later = 2 * HOUR + rng.random(len(is_same)) ** 1.6 * (longest - 2 * HOUR)
    return np.where(is_same, minutes, later).astype(np.int64)


def draw_users(rng: np.random.Generator, visitors: Visitors) -> Users:
    """Users in order of sign-up; the first sign-ups of spread days are the staff."""
    signed = np.flatnonzero(visitors.signed_up_at >= 0)
    order = signed[np.argsort(visitors.signed_up_at[signed], kind="stable")]
    size = len(order)
    quantiles = np.clip(rng.random(size), 1e-9, 1 - 1e-9)
    latent = np.array([NormalDist().inv_cdf(q) for q in quantiles])
    is_staff = np.zeros(size, dtype=bool)
    is_staff[[4 + 53 * i for i in range(STAFF)]] = True
    return Users(
        visitor=order,
        signed_up_at=visitors.signed_up_at[order],
        plan=np.where(is_staff, "team", pick_names(rng, PLAN_SHARE, size)),
        platform=pick_names(rng, PLATFORM_SHARE, size),
        channel=visitors.channel[order],
        country=visitors.country[order],
        latent=np.where(is_staff, STAFF_LATENT, latent),
        persona=draw_personas(stream("personas"), size),
        is_staff=is_staff,
    )


def draw_personas(rng: np.random.Generator, size: int) -> np.ndarray:
    """The persona of each user, of nothing else about them; [users]."""
    shares = {name: persona["share"] for name, persona in PERSONAS.items()}
    return pick_names(rng, shares, size)


def persona_odds_ratios(persona: str) -> dict[str, float]:
    """What the odds of each event that personas shift are multiplied by."""
    return {
        event: told["odds_ratio"] if name == persona else OTHER_PERSONAS_ODDS_RATIO
        for name, told in PERSONAS.items()
        for event in told["events"]
    }


def log_odds(users: Users, terms: dict[str, Any]) -> np.ndarray:
    """Sum of the terms that depend on who the user is; [users]."""
    total = np.full(len(users), terms["intercept"])
    total += terms.get("latent", 0.0) * users.latent
    for name in ("plan", "channel", "platform"):
        effects = terms.get(name, {})
        total += np.array([effects.get(value, 0.0) for value in getattr(users, name)])
    return total


# ---------------------------------------------------------------------------
# First week, churn and active days
# ---------------------------------------------------------------------------


@dataclass
class FirstWeek:
    """What users do within 7 days of sign-up; boolean arrays of shape [users].

    `causes` holds one array per causal behaviour, `probability` what was drawn from.
    """

    activated: np.ndarray
    cooked: np.ndarray
    subscribed: np.ndarray
    causes: dict[str, np.ndarray]
    probability: dict[str, np.ndarray]


def draw_first_week(rng: np.random.Generator, users: Users) -> FirstWeek:
    probability = {
        "activated": logistic(log_odds(users, ACTIVATION_LOGIT)),
        "cooked": logistic(log_odds(users, COOK_LOGIT)),
        "subscribed": np.array([SUBSCRIBE_PROBABILITY[plan] for plan in users.plan]),
    }
    size = len(users)
    activated = rng.random(size) < probability["activated"]
    cooked = activated & (rng.random(size) < probability["cooked"])
    subscribed = cooked & (rng.random(size) < probability["subscribed"])
    among = {
        "signed_up": np.ones(size, dtype=bool),
        "activated": activated,
        "cooked": cooked,
    }
    causes = {}
    for event, cause in CAUSES.items():
        does = rng.random(size) < logistic(log_odds(users, cause["logit"]))
        causes[event] = among[cause["among"]] & does
    return FirstWeek(activated, cooked, subscribed, causes, probability)


def churn_distribution(users: Users, first_week: FirstWeek) -> np.ndarray:
    """Probability to churn at the start of each tenure week; [users, NEVER + 1].

    Column 0 is zero (nobody churns in the first week), column NEVER is for staying.
    """
    terms = HAZARD_LOGIT
    base = log_odds(users, terms)
    month = np.array(
        [(PERIOD_START + timedelta(days=int(d))).month - 1 for d in users.signup_day]
    )
    base += terms["signup_month"] * month
    for event, cause in CAUSES.items():
        base += math.log(cause["hazard_odds_ratio"]) * first_week.causes[event]
    weeks = np.arange(1, NEVER)
    hazard = logistic(base[:, None] + terms["log_tenure_week"] * np.log(weeks)[None, :])
    hazard[users.is_staff] = 0.0
    alive = np.cumprod(1 - hazard, axis=1)
    before = np.hstack([np.ones((len(users), 1)), alive[:, :-1]])
    return np.hstack([np.zeros((len(users), 1)), before * hazard, alive[:, -1:]])


def daily_rates(users: Users) -> np.ndarray:
    """Probability to be active on each day while alive; [users, DAYS], 1 on day 0."""
    rate = DAILY_RATE * np.exp(LATENT_ON_RATE * users.latent)
    for name, factors in RATE_FACTOR.items():
        rate *= np.array([factors.get(value, 1.0) for value in getattr(users, name)])
    weekday = np.array(ACTIVITY_WEEKDAY)[np.arange(DAYS) % 7]
    tenure = users.tenure_day()
    daily = rate[:, None] * weekday[None, :]
    daily *= np.where(tenure < 7, FIRST_WEEK_RATE_FACTOR, 1.0)
    daily = np.minimum(daily, HIGHEST_DAILY_RATE)
    return np.where(tenure > 0, daily, (tenure == 0).astype(float))


def rates_before_churn(
    rates: np.ndarray, tenure_week: np.ndarray, churn_week: np.ndarray
) -> np.ndarray:
    """Daily probabilities given the churn week of each user; [users, DAYS]."""
    weeks_left = churn_week[:, None] - tenure_week
    factor = (weeks_left > 0).astype(float)
    for weeks, value in RATE_FACTOR_BEFORE_CHURN.items():
        fades = (weeks_left == weeks) & (tenure_week > 0)
        factor = np.where(fades & (churn_week[:, None] < NEVER), value, factor)
    return rates * factor


def rates_in_spell(
    rates: np.ndarray, tenure_week: np.ndarray, spell_week: np.ndarray
) -> np.ndarray:
    """Daily probabilities of those who came back in `spell_week`; [users, DAYS]."""
    week = tenure_week - spell_week[:, None]
    return rates * ((week >= 0) & (week < RESURRECTION_SPELL_WEEKS))


@dataclass
class Activity:
    """The drawn lives: `churn_week` [users], `spell_week` [users] (large where the user
    does not come back), `is_active` [users, DAYS] and the probabilities behind them."""

    churn_week: np.ndarray
    spell_week: np.ndarray
    is_active: np.ndarray
    rates: np.ndarray
    churn: np.ndarray


def draw_activity(
    rng: np.random.Generator, users: Users, first_week: FirstWeek
) -> Activity:
    churn = churn_distribution(users, first_week)
    size = len(users)
    cumulative = np.cumsum(churn, axis=1)
    churn_week = (rng.random(size)[:, None] > cumulative).sum(axis=1).clip(1, NEVER)
    low, high = RESURRECTION_AFTER_WEEKS
    returns = (rng.random(size) < RESURRECTION_PROBABILITY) & (churn_week < NEVER)
    pause = low + np.floor(rng.random(size) * (high - low + 1)).astype(int)
    spell_week = np.where(returns, churn_week + pause, 10 * NEVER)
    rates, tenure_week = daily_rates(users), users.tenure_day() // 7
    today = rates_before_churn(rates, tenure_week, churn_week)
    today += rates_in_spell(rates, tenure_week, spell_week)
    is_active = rng.random(today.shape) < today
    return Activity(churn_week, spell_week, is_active, rates, churn)


def expected_activity(
    users: Users, activity: Activity, over: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Probability of any activity in groups of days, averaged over all lives.

    `over` sums a [users, DAYS] array over the days of each group; the result has its
    shape. Life before churn and a spell after it are four weeks apart or more, so
    no group of up to two weeks sees both.
    """
    tenure_week = users.tenure_day() // 7
    low, high = RESURRECTION_AFTER_WEEKS
    pauses = range(low, high + 1)
    total: np.ndarray | float = 0.0
    for week in range(1, NEVER + 1):
        everyone = np.full(len(users), week)
        rates = rates_before_churn(activity.rates, tenure_week, everyone)
        total = total + weighted(activity.churn[:, week], rates, over)
        starts = [week - pause for pause in pauses if 1 <= week - pause < NEVER]
        if not starts:
            continue
        returns = activity.churn[:, starts].sum(axis=1)
        returns = returns * RESURRECTION_PROBABILITY / len(pauses)
        rates = rates_in_spell(activity.rates, tenure_week, everyone)
        total = total + weighted(returns, rates, over)
    return np.asarray(total)


def weighted(
    weight: np.ndarray, rates: np.ndarray, over: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    with np.errstate(divide="ignore"):
        any_active = 1 - np.exp(over(np.log1p(-rates)))
    return weight.reshape(-1, *[1] * (any_active.ndim - 1)) * any_active


def by_calendar_week(values: np.ndarray) -> np.ndarray:
    """Sums over the complete calendar weeks; [users, DAYS] to [users, WEEKS]."""
    return values[:, : WEEKS * 7].reshape(len(values), WEEKS, 7).sum(axis=2)


# ---------------------------------------------------------------------------
# Sessions and their events
# ---------------------------------------------------------------------------


@dataclass
class Event:
    """One row of events.csv; `at` and `received` in seconds, text where it is dirty."""

    at: int | str
    name: str
    user: int | str = ""
    anonymous: str = ""
    properties: str = ""
    received: int = -1
    event_id: str = ""
    session: Session | None = None


@dataclass
class Session:
    """A session with its events in order of time; `tenure_day` -1 before sign-up."""

    device: str
    events: list[Event] = field(default_factory=list)
    tenure_day: int = -1
    session_id: str = ""

    @property
    def started_at(self) -> int:
        return int(self.events[0].at)

    @property
    def ended_at(self) -> int:
        return int(self.events[-1].at)

    def move_to(self, start: int) -> None:
        shift = start - self.started_at
        for event in self.events:
            event.at = int(event.at) + shift


@dataclass
class Draft:
    """A session to be: when it may start, and the names of its events in order."""

    day: int
    tenure_day: int
    start: int
    names: list[str] = field(default_factory=list)


# Where in a session an event tends to stand, so that plans come before cooking and
# cooking before paying, and everything else in between.
PLACE = {
    "recipe_searched": 0.0,
    "recipe_viewed": 0.4,
    "list_shared": 2.1,
    "plan_created": 1.5,
    "meal_cooked": 2.6,
    "subscription_started": 4.5,
}


def draft_sessions(
    rng: np.random.Generator, users: Users, activity: Activity, user: int
) -> list[Draft]:
    """The sessions of a user in order of time, still without events."""
    drafts = []
    signup_day, country = int(users.signup_day[user]), users.country[user]
    for day in np.flatnonzero(activity.is_active[user]):
        day = int(day)
        starts = [time_of_day(rng, country, day)]
        if rng.random() < 0.07:
            starts.append(time_of_day(rng, country, day))
        if rng.random() < 0.01:
            starts.append(time_of_day(rng, country, day))
        if day == signup_day:
            signed_up = int(users.signed_up_at[user]) % DAY
            later = [s for s in starts if s > signed_up + 2 * HOUR]
            starts = [signed_up, *later[: len(starts) - 1]]
        for start in sorted(starts):
            drafts.append(Draft(day, day - signup_day, day * DAY + start))
    return drafts


def fill_first_week(
    rng: np.random.Generator, drafts: list[Draft], week: FirstWeek, user: int
) -> None:
    """Puts the drawn behaviours of the first 7 days into the sessions there are."""
    early = [draft for draft in drafts if draft.tenure_day in FIRST_WEEK]

    def add(event: str, first: int) -> int:
        index = first + below(rng, len(early) - first)
        early[index].names.append(event)
        return index

    def add_again(event: str, first: int) -> None:
        add(event, first)
        if rng.random() < 0.35:
            add(event, first)

    if week.causes["list_shared"][user]:
        add("list_shared", 0)
    if not week.activated[user]:
        return
    in_first = rng.random() < FIRST_SESSION_ACTIVATION_SHARE
    planned = 0 if in_first else below(rng, len(early))
    early[planned].names.append("plan_created")
    if week.causes["plan_created"][user]:
        add_again("plan_created", planned)
    if not week.cooked[user]:
        return
    cooked = add("meal_cooked", planned)
    if week.causes["meal_cooked"][user]:
        add_again("meal_cooked", cooked)
    if week.subscribed[user]:
        add("subscription_started", cooked)


@dataclass
class Funnel:
    """Which users reach a step within the window of their visit; [users] booleans."""

    planned: np.ndarray
    cooked: np.ndarray
    subscribed: np.ndarray


def fill_late_steps(
    rng: np.random.Generator,
    drafts: list[Draft],
    week: FirstWeek,
    user: int,
    funnel: Funnel,
) -> None:
    """A first plan, or first meal, after the first week but within the window."""
    late = [draft for draft in drafts if draft.tenure_day in LATE_STEP_DAYS]
    if not late or week.cooked[user] or rng.random() >= LATE_STEP_PROBABILITY:
        return
    if week.activated[user]:
        late[0].names.append("meal_cooked")
        funnel.cooked[user] = True
    else:
        late[0].names.append("plan_created")
        funnel.planned[user] = True


def fill_later_weeks(
    rng: np.random.Generator, drafts: list[Draft], week: FirstWeek, users: Users, u: int
) -> None:
    """What users do again and again after the first week, by session."""
    subscribed = bool(week.subscribed[u])
    for draft in drafts:
        if draft.tenure_day <= BLOCKED_DAY:
            continue
        is_later = draft.tenure_day >= LATER_FROM_DAY
        sunday = SUNDAY_PLANNING_FACTOR if draft.day % 7 == 6 else 1.0
        allowed = {
            "plan_created": is_later or week.activated[u],
            "meal_cooked": is_later or week.cooked[u],
            "list_shared": True,
        }
        for event, probability in LATER_PER_SESSION.items():
            factor = sunday if event == "plan_created" else 1.0
            if rng.random() < probability * factor and allowed[event]:
                draft.names.append(event)
        chance = LATER_SUBSCRIPTION_PER_SESSION[users.plan[u]]
        if is_later and not subscribed and rng.random() < chance:
            draft.names.append("subscription_started")
            subscribed = True


def with_odds(probability: float, odds_ratio: float) -> float:
    """The probability whose odds are `odds_ratio` times those of `probability`."""
    odds = odds_ratio * probability / (1 - probability)
    return odds / (1 + odds)


def fill_browsing(
    rng: np.random.Generator,
    drafts: list[Draft],
    latent: float,
    persona: str,
    fading: set[int],
) -> None:
    """Searches, views and bystanders; less of them in the weeks before churn."""
    shift = persona_odds_ratios(persona)
    engaged = math.exp(LATENT_ON_BYSTANDERS * latent)
    for draft in drafts:
        quiet = 0.75 if draft.tenure_day // 7 in fading else 1.0
        for event, probability in BROWSING.items():
            again = with_odds(probability, shift.get(event, 1.0)) * quiet
            while rng.random() < again:
                draft.names.append(event)
                if len(draft.names) > 9:
                    break
        for event, probability in BYSTANDERS.items():
            odds_ratio = shift.get(event, 1.0) * engaged * quiet
            if rng.random() < with_odds(probability, odds_ratio):
                draft.names.append(event)


def in_order(rng: np.random.Generator, names: list[str]) -> list[str]:
    """The names of a session in a believable order."""
    places = [
        PLACE[name] + 0.5 * rng.random() if name in PLACE else 4.4 * rng.random()
        for name in names
    ]
    return [names[i] for i in np.argsort(places, kind="stable")]


def step_seconds(rng: np.random.Generator) -> int:
    """Seconds between two events of a session: mostly below a minute."""
    return 2 + min(int(-75 * math.log1p(-rng.random())), LONGEST_STEP - 2)


def describe(rng: np.random.Generator, name: str, plan: str) -> str:
    """Properties of an event as short JSON text, or nothing."""
    if name == "plan_created":
        return json_text({"meals": 2 + below(rng, 6)})
    if name == "meal_cooked":
        return json_text({"servings": 1 + below(rng, 5)})
    if name == "signup":
        return json_text({"plan": plan})
    if name == "subscription_started":
        return json_text({"plan": plan if plan != "free" else "plus"})
    return ""


def json_text(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def write_session(
    rng: np.random.Generator, users: Users, user: int, draft: Draft, device: str
) -> Session:
    """Turns a draft into events; the session ends before midnight."""
    names = ["app_opened", *in_order(rng, draft.names)]
    if draft.tenure_day == 0 and draft.start == int(users.signed_up_at[user]):
        names.insert(0, "signup")
    steps = np.cumsum([0] + [step_seconds(rng) for _ in names[1:]])
    end_of_day = (draft.day + 1) * DAY - 2
    start = draft.start
    if start + steps[-1] > end_of_day:
        start = end_of_day - int(steps[-1])
    if names[0] == "signup" and start != draft.start:
        start = draft.start
        steps = steps * (end_of_day - start) // steps[-1]
    plan = str(users.plan[user])
    session = Session(device, tenure_day=draft.tenure_day)
    for name, step in zip(names, steps, strict=True):
        properties = describe(rng, name, plan)
        event = Event(start + int(step), name, user, "", properties, session=session)
        session.events.append(event)
    return session


def keep_apart(sessions: list[Session]) -> list[Session]:
    """Moves sessions that follow too closely; drops a second one that cannot move."""
    apart: list[Session] = []
    for session in sessions:
        earliest = apart[-1].ended_at + SESSION_GAP + 15 * MINUTE if apart else -1
        if session.started_at < earliest:
            day = session.started_at // DAY
            length = session.ended_at - session.started_at
            is_extra = apart[-1].started_at // DAY == day
            if earliest + length >= (day + 1) * DAY:
                if is_extra and not is_telling(session):
                    continue
                raise ValueError("a session that matters has no room")
            session.move_to(earliest)
        apart.append(session)
    return apart


def is_telling(session: Session) -> bool:
    """Whether the session holds something that the planted truth counts."""
    return any(
        event.name in FUNNEL_EVENTS or event.name in CAUSES for event in session.events
    )


DEVICES = {
    "ios": ("phone", "tablet"),
    "android": ("phone", "tablet"),
    "web": ("desktop", "phone"),
}


def sessions_of(
    rng: np.random.Generator,
    browsing: np.random.Generator,
    users: Users,
    week: FirstWeek,
    activity: Activity,
    user: int,
    funnel: Funnel,
) -> list[Session]:
    """All sessions of one user from the sign-up on; `browsing` draws the free events."""
    drafts = draft_sessions(rng, users, activity, user)
    drafts = make_room(drafts)
    fill_first_week(rng, drafts, week, user)
    fill_late_steps(rng, drafts, week, user, funnel)
    fill_later_weeks(rng, drafts, week, users, user)
    churn_week = int(activity.churn_week[user])
    fading = {churn_week - left for left in RATE_FACTOR_BEFORE_CHURN} - {0}
    if churn_week == NEVER:
        fading = set()
    latent, persona = float(users.latent[user]), str(users.persona[user])
    fill_browsing(browsing, drafts, latent, persona, fading)
    usual, other = DEVICES[users.platform[user]]
    sessions = []
    for draft in drafts:
        device = usual if rng.random() < 0.88 else other
        sessions.append(write_session(rng, users, user, draft, device))
    return keep_apart(sessions)


def make_room(drafts: list[Draft]) -> list[Draft]:
    """Leaves out later sessions of a day that start too soon, before they are filled."""
    roomy: list[Draft] = []
    for draft in drafts:
        follows = bool(roomy) and roomy[-1].day == draft.day
        if follows and draft.start < roomy[-1].start + 2 * HOUR:
            continue
        if follows and draft.start % DAY > 22 * HOUR:
            continue
        roomy.append(draft)
    return roomy


# ---------------------------------------------------------------------------
# Visits, and who is behind them
# ---------------------------------------------------------------------------


def visit_events(
    rng: np.random.Generator, start: int, channel: str, anonymous: str, latest: int
) -> list[Event]:
    """One or two visits in a row, none of them after `latest`."""
    properties = json_text({"channel": str(channel)})
    events = [Event(start, "visit", "", anonymous, properties)]
    again = start + 5 + between(rng, 0, 3 * MINUTE)
    if rng.random() < 0.15 and again < latest:
        events.append(Event(again, "visit", "", anonymous, properties))
    return events


def attach(session: Session, events: Iterable[Event]) -> Session:
    """Adds events to a session in order of time."""
    for event in events:
        event.session = session
        session.events.append(event)
    session.events.sort(key=lambda event: int(event.at))
    return session


def visits_without_signup(
    rng: np.random.Generator, visitors: Visitors, visitor: int, anonymous: str
) -> list[Session]:
    """The visits of someone who never signs up, or not before the load."""
    start = int(visitors.first_visit_at[visitor])
    channel = visitors.channel[visitor]
    device = "desktop" if rng.random() < 0.45 else "phone"
    sessions = [
        attach(
            Session(device),
            visit_events(rng, start, channel, anonymous, start + HOUR),
        )
    ]
    again = start + 3 * HOUR + between(rng, 0, 8 * DAY)
    if rng.random() < 0.22 and again < LAST_EVENT:
        again = int(before_last_hour(again))
        visits = visit_events(rng, again, channel, anonymous, again + HOUR)
        sessions.append(attach(Session(device), visits))
    return sessions


def visits_before_signup(
    rng: np.random.Generator,
    visitors: Visitors,
    visitor: int,
    anonymous: str,
    signup: Session,
) -> list[Session]:
    """Adds the visits before a sign-up; returns the sessions that are not its own."""
    channel = visitors.channel[visitor]
    start = int(visitors.first_visit_at[visitor])
    signed_up_at = int(visitors.signed_up_at[visitor])
    visits = visit_events(rng, start, channel, anonymous, signed_up_at)
    if visitors.is_same_session[visitor]:
        attach(signup, visits)
        return []
    if rng.random() < 0.5:
        start_again = signed_up_at - between(rng, 20, 8 * MINUTE)
        properties = json_text({"channel": str(channel)})
        attach(signup, [Event(start_again, "visit", "", anonymous, properties)])
    device = "desktop" if rng.random() < 0.45 else "phone"
    return [attach(Session(device), visits)]


def anonymous_name(visitor: int) -> str:
    return f"a{visitor + 1:04d}"


@dataclass
class World:
    """Everything that happened, before any of it was recorded wrongly."""

    visitors: Visitors
    users: Users
    first_week: FirstWeek
    activity: Activity
    funnel: Funnel
    sessions_of_user: list[list[Session]]
    other_sessions: list[Session]
    reminders: list[Event] = field(default_factory=list)
    shared_device: dict[str, Any] = field(default_factory=dict)
    edges: dict[str, int] = field(default_factory=dict)

    def sessions(self) -> list[Session]:
        own = [session for sessions in self.sessions_of_user for session in sessions]
        return own + self.other_sessions


def personas() -> dict[str, str]:
    """Persona by user_id: no file holds it, so tests ask here."""
    users = draw_users(stream("users"), draw_visitors(stream("visitors")))
    return {user_name(user): str(users.persona[user]) for user in range(len(users))}


def live() -> World:
    """Draws all people and their lives."""
    visitors = draw_visitors(stream("visitors"))
    users = draw_users(stream("users"), visitors)
    week = draw_first_week(stream("first week"), users)
    activity = draw_activity(stream("activity"), users, week)
    funnel = Funnel(week.activated.copy(), week.cooked.copy(), week.subscribed.copy())
    rng, browsing = stream("sessions"), stream("browsing")
    own = [
        sessions_of(rng, browsing, users, week, activity, user, funnel)
        for user in range(len(users))
    ]
    others = add_visits(stream("visits"), visitors, users, own)
    world = World(visitors, users, week, activity, funnel, own, others)
    share_a_device(stream("shared device"), world)
    plant_ties(stream("ties"), world)
    cross_midnight(stream("midnight"), world)
    change_clocks(stream("clock change"), world)
    world.reminders = remind(stream("reminders"), world)
    return world


def add_visits(
    rng: np.random.Generator,
    visitors: Visitors,
    users: Users,
    own: list[list[Session]],
) -> list[Session]:
    """Adds all visits; returns the sessions that hold no sign-up."""
    others: list[Session] = []
    user_of = dict(zip(users.visitor.tolist(), range(len(users)), strict=True))
    for visitor in range(len(visitors.channel)):
        anonymous = anonymous_name(visitor)
        if visitor not in user_of:
            others += visits_without_signup(rng, visitors, visitor, anonymous)
            continue
        user = user_of[visitor]
        signup = own[user][0]
        next(e for e in signup.events if e.name == "signup").anonymous = anonymous
        apart = visits_before_signup(rng, visitors, visitor, anonymous, signup)
        if rng.random() < VISIT_WITH_USER_ID_SHARE and not users.is_staff[user]:
            for event in signup.events + [e for s in apart for e in s.events]:
                if event.name == "visit":
                    event.user = user
        others += apart
    return others


def share_a_device(rng: np.random.Generator, world: World) -> None:
    """Two people sign up on one device weeks apart; the later one owns its past."""
    users = world.users
    apart: dict[str, list[Session]] = {}
    for session in world.other_sessions:
        apart.setdefault(session.events[0].anonymous, []).append(session)

    def is_plain(user: int, needs_own_session: bool) -> bool:
        anonymous = anonymous_name(int(users.visitor[user]))
        visits = [
            event
            for session in [world.sessions_of_user[user][0], *apart.get(anonymous, [])]
            for event in session.events
            if event.name == "visit"
        ]
        if users.is_staff[user] or any(event.user != "" for event in visits):
            return False
        in_signup = any(
            event.name == "visit" for event in world.sessions_of_user[user][0].events
        )
        return not in_signup if needs_own_session else in_signup

    day = users.signup_day
    firsts = [u for u in range(len(users)) if 40 < day[u] < 60 and is_plain(u, True)]
    seconds = [u for u in range(len(users)) if 90 < day[u] < 110 and is_plain(u, False)]
    first, second = sample(rng, firsts, 1)[0], sample(rng, seconds, 1)[0]
    shared = anonymous_name(int(users.visitor[first]))
    for event in world.sessions_of_user[second][0].events:
        if event.anonymous:
            event.anonymous = shared
    for session in apart.get(anonymous_name(int(users.visitor[second])), []):
        for event in session.events:
            event.anonymous = shared
    world.shared_device = {"anonymous_id": shared, "first": first, "second": second}


# ---------------------------------------------------------------------------
# Edges
# ---------------------------------------------------------------------------


def plant_ties(rng: np.random.Generator, world: World) -> None:
    """Puts two different steps of one user into the same second."""
    ordinary = [
        user
        for user in range(len(world.users))
        if not world.users.is_staff[user]
        and user not in (world.shared_device["first"], world.shared_device["second"])
    ]

    def only(user: int, name: str) -> Event | None:
        events = [e for e in world.sessions_of_user[user][0].events if e.name == name]
        return events[0] if len(events) == 1 else None

    plans = [u for u in ordinary if only(u, "plan_created") and only(u, "meal_cooked")]
    plans = sample(rng, plans, PLAN_COOK_TIES)
    for user in plans:
        only(user, "meal_cooked").at = only(user, "plan_created").at
    visits = [u for u in ordinary if only(u, "visit") and u not in plans]
    visits = [
        u for u in visits if world.visitors.is_same_session[world.users.visitor[u]]
    ]
    for user in sample(rng, visits, VISIT_SIGNUP_TIES):
        only(user, "visit").at = only(user, "signup").at
    for user in ordinary:
        # The later step is written first, so that the order of rows does not help.
        session = world.sessions_of_user[user][0]
        session.events.sort(key=lambda e: (int(e.at), -step_number(e.name)))


def step_number(name: str) -> int:
    return FUNNEL_EVENTS.index(name) if name in FUNNEL_EVENTS else -1


def room_before(sessions: list[Session], index: int) -> int:
    """The earliest second at which session `index` could start."""
    return sessions[index - 1].ended_at + SESSION_GAP + MINUTE if index else 0


def cross_midnight(rng: np.random.Generator, world: World) -> None:
    """Moves a few sessions over midnight, never into another calendar week."""
    candidates = []
    for user, sessions in enumerate(world.sessions_of_user):
        for index, session in enumerate(sessions[:-1]):
            midnight = (session.started_at // DAY + 1) * DAY
            length = session.ended_at - session.started_at
            if (
                not world.users.is_staff[user]
                and session.tenure_day > LATER_FROM_DAY
                and midnight % (7 * DAY) != 0
                and len(session.events) >= 4
                and length >= 2 * MINUTE
                and room_before(sessions, index) < midnight - length
                and sessions[index + 1].started_at > midnight + length + HOUR
            ):
                candidates.append((session, midnight))
    for session, midnight in sample(rng, candidates, MIDNIGHT_SESSIONS):
        half = (int(session.events[1].at) + int(session.events[2].at)) // 2
        session.move_to(midnight - (half - session.started_at))


def change_clocks(rng: np.random.Generator, world: World) -> None:
    """Moves a few sessions to the night in which Europe's clocks go forward."""
    day = (SUMMER_TIME_EUROPE - PERIOD_START).days
    candidates = []
    for user, sessions in enumerate(world.sessions_of_user):
        for index, session in enumerate(sessions):
            if (
                session.started_at // DAY == day
                and session.tenure_day > LATER_FROM_DAY
                and room_before(sessions, index) < day * DAY
                and not world.users.is_staff[user]
                and session.started_at > day * DAY + 3 * HOUR
            ):
                candidates.append(session)
    chosen = sample(rng, candidates, CLOCK_CHANGE_SESSIONS)
    for number, session in enumerate(chosen):
        session.move_to(day * DAY + 10 * MINUTE + number * 15 * MINUTE)


def remind(rng: np.random.Generator, world: World) -> list[Event]:
    """Weekly reminders, also to people who left; never near their sessions."""
    reminders = []
    users = world.users
    for user in range(len(users)):
        if rng.random() >= REMINDED_SHARE:
            continue
        weekday, second = below(rng, 7), 15 * HOUR + below(rng, 4 * HOUR)
        weeks = int(world.activity.churn_week[user]) + REMINDER_WEEKS_AFTER_CHURN
        times = [
            (e.started_at - HOUR, e.ended_at + HOUR)
            for e in world.sessions_of_user[user]
        ]
        first = int(users.signup_day[user]) + 1
        for day in range(first, min(DAYS, first + 7 * weeks)):
            at = day * DAY + second + below(rng, 90)
            is_near = any(start < at < end for start, end in times)
            if day % 7 == weekday and not is_near:
                reminders.append(Event(at, PASSIVE_EVENT, user))
    return reminders


# ---------------------------------------------------------------------------
# Recording: ids, arrival, the bot and the dirt
# ---------------------------------------------------------------------------


def receive(rng: np.random.Generator, events: list[Event]) -> None:
    """Sets when each event arrived: seconds after it, now and then minutes."""
    for event in events:
        scale, most = (90, 8 * MINUTE) if rng.random() < 0.04 else (5, MINUTE)
        delay = 1 + int(-scale * math.log1p(-rng.random()))
        event.received = int(event.at) + min(delay, most)


def make_bot(rng: np.random.Generator, user: int) -> list[Session]:
    """A script that reads recipes around the clock for a week: one event in 3 s."""
    day, sessions = 36, []
    for number in range(BOT_SESSIONS):
        session = Session("desktop", tenure_day=0)
        start = day * DAY + 9 * HOUR + number * 4 * HOUR + below(rng, MINUTE)
        names = ["recipe_viewed"] * BOT_EVENTS_PER_SESSION
        if number == 0:
            names[:2] = ["visit", "signup"]
        events = [
            Event(start + 3 * i, name, user, "", session=session)
            for i, name in enumerate(names)
        ]
        sessions.append(attach(session, events))
    visit, signup = sessions[0].events[:2]
    visit.user, visit.anonymous = "", "a9999"
    visit.properties = json_text({"channel": "ads"})
    signup.anonymous, signup.properties = "a9999", json_text({"plan": "free"})
    return sessions


def arrive_late(rng: np.random.Generator, events: list[Event]) -> None:
    early = [event for event in events if int(event.at) < LOADED - 8 * DAY]
    for event in sample(rng, early, DIRT["late_arrival"]):
        wait = LATE_AFTER_HOURS * HOUR + HOUR + between(rng, 0, 5 * DAY)
        event.received = int(event.at) + wait


def repeat(event: Event, **changes: Any) -> Event:
    """A copy of an event with some fields changed."""
    return Event(**{**vars(event), **changes})


def duplicates(rng: np.random.Generator, events: list[Event]) -> list[Event]:
    """The same events again, received later; some say something else by then."""
    prompt = [
        event
        for event in events
        if event.received - int(event.at) < HOUR and event.received < LOADED - DAY
    ]
    plans = [event for event in prompt if event.name == "plan_created"]
    changed = sample(rng, plans, DIRT["duplicate_changed"])
    ids = {event.event_id for event in changed}
    others = [event for event in prompt if event.event_id not in ids]
    same = sample(rng, others, DIRT["duplicate_same"] - 5)
    copies = [
        repeat(event, received=event.received + between(rng, 30, 5 * HOUR))
        for event in same
    ]
    # Five events arrive a third time.
    copies += [repeat(copy, received=copy.received + HOUR) for copy in copies[:5]]
    for event in changed:
        meals = json.loads(event.properties)["meals"] + 3
        later = event.received + between(rng, 30, 5 * HOUR)
        text = json_text({"meals": meals})
        copies.append(repeat(event, received=later, properties=text))
    return copies


def broken_rows(rng: np.random.Generator, events: list[Event]) -> list[Event]:
    """Extra rows, each made from a good one by breaking one thing."""
    good = [
        event
        for event in events
        if event.session is not None
        and event.user != ""
        and event.anonymous == ""
        and event.name not in FUNNEL_EVENTS
        and event.received - int(event.at) < HOUR
        and int(event.at) < LOADED - 6 * DAY
    ]

    def some(kind: str) -> list[Event]:
        return [repeat(event, event_id="") for event in sample(rng, good, DIRT[kind])]

    rows: list[Event] = []
    for event in some("no_identity"):
        rows.append(repeat(event, user="", session=None))
    for number, event in enumerate(some("unknown_user")):
        name = UNKNOWN_USERS[number % len(UNKNOWN_USERS)]
        rows.append(repeat(event, user=name, session=None))
    rows += [repeat(event, at="") for event in some("null_event_time")]
    for number, event in enumerate(some("unparsable_event_time")):
        text = UNPARSABLE_TIMES[number % len(UNPARSABLE_TIMES)]
        rows.append(repeat(event, at=text))
    rows += [repeat(event, name="") for event in some("empty_event_name")]
    for event in some("time_after_received"):
        ahead = between(rng, 2 * HOUR, 3 * DAY)
        rows.append(repeat(event, at=event.received + ahead))
    for event in some("time_after_load"):
        ahead = between(rng, HOUR, 400 * DAY)
        rows.append(repeat(event, at=LOADED + ahead))
    return rows


def unknown_session(rows: list[Event]) -> Session:
    """Makes a session of the events of one unknown user that happen to be last."""
    name = UNKNOWN_USERS[0]
    event = max((r for r in rows if r.user == name), key=lambda r: int(r.at))
    session = Session("phone")
    attach(session, [event])
    return session


# ---------------------------------------------------------------------------
# The tables
# ---------------------------------------------------------------------------


@dataclass
class Tables:
    """Rows of the CSV files, and what only the making of them knows."""

    users: list[list[str]]
    sessions: list[list[str]]
    events: list[list[str]]
    excluded: list[list[str]]
    facts: dict[str, Any]


def user_name(user: int | str) -> str:
    return f"u{user + 1:04d}" if isinstance(user, int) else user


def record(world: World) -> Tables:
    """What the warehouse is given of the world."""
    users = world.users
    bot = len(users)
    bot_sessions = make_bot(stream("bot"), bot)
    sessions = world.sessions() + bot_sessions
    events = [event for session in sessions for event in session.events]
    events += world.reminders
    receive(stream("arrival"), events)
    events = [event for event in events if event.received <= LOADED]
    arrived = {id(event) for event in events}
    for session in sessions:
        session.events = [e for e in session.events if id(e) in arrived]
    sessions = [session for session in sessions if session.events]

    excluded = {user for user in range(bot) if users.is_staff[user]} | {bot}
    staff_devices = {anonymous_name(int(users.visitor[u])) for u in excluded - {bot}}
    ordinary = [
        event
        for event in events
        if event.user not in excluded
        and event.anonymous not in staff_devices | {"a9999"}
    ]
    arrive_late(stream("late"), ordinary)
    number_events(events)
    copies = duplicates(stream("duplicates"), ordinary)
    broken = broken_rows(stream("broken"), ordinary)
    sessions.append(unknown_session(broken))
    number_sessions(sessions)
    number_events(broken, len(events))

    rows = sorted(events + copies + broken, key=lambda e: (e.received, e.event_id))
    excluded_rows = exclude(users, excluded, bot)
    return Tables(
        users=user_rows(users, bot, bot_sessions[0]),
        sessions=[session_row(session) for session in sessions],
        events=[event_row(event) for event in rows],
        excluded=excluded_rows,
        facts={
            "good_events": len(events),
            "excluded_events": excluded_events(
                events, excluded, staff_devices, excluded_rows
            ),
            "reminders": sum(event.name == PASSIVE_EVENT for event in events),
        },
    )


def number_events(events: list[Event], after: int = 0) -> None:
    events.sort(key=lambda e: (e.received, str(e.at), str(e.user), e.anonymous, e.name))
    for number, event in enumerate(events, start=after + 1):
        event.event_id = f"e{number:05d}"


def number_sessions(sessions: list[Session]) -> None:
    sessions.sort(key=lambda s: (s.started_at, s.ended_at, str(s.events[0].user)))
    for number, session in enumerate(sessions, start=1):
        session.session_id = f"s{number:05d}"


def event_row(event: Event) -> list[str]:
    return [
        event.event_id,
        user_name(event.user),
        event.anonymous,
        event.session.session_id if event.session else "",
        event.name,
        timestamp(event.at) if isinstance(event.at, int) else event.at,
        timestamp(event.received),
        event.properties,
    ]


def session_row(session: Session) -> list[str]:
    users = [event.user for event in session.events if event.user != ""]
    anonymous = [event.anonymous for event in session.events if event.anonymous]
    return [
        session.session_id,
        user_name(users[0]) if users else "",
        anonymous[0] if anonymous else "",
        timestamp(session.started_at),
        timestamp(session.ended_at),
        session.device,
    ]


def user_rows(users: Users, bot: int, bot_session: Session) -> list[list[str]]:
    """One row per user, the bot last but one, and one user a second time."""
    rows = [
        [
            user_name(user),
            timestamp(users.signed_up_at[user]),
            str(users.plan[user]),
            str(users.platform[user]),
            str(users.channel[user]),
            str(users.country[user]),
        ]
        for user in range(len(users))
    ]
    signed_up = timestamp(int(bot_session.events[1].at))
    rows.append([user_name(bot), signed_up, "free", "web", "ads", "US"])
    again = next(row for row in rows[900:] if row[2] == "free")
    later = datetime.fromisoformat(again[1]) + timedelta(days=3)
    rows.append([again[0], str(later), "plus", *again[3:]])
    return rows


def exclude(users: Users, excluded: set[int], bot: int) -> list[list[str]]:
    """Excluded users: staff always, the last of them since a date, and the bot."""
    staff = sorted(excluded - {bot})
    rows = [[user_name(user), "internal", ""] for user in staff]
    for row, user in zip(
        rows[-STAFF_HIRED_LATER:], staff[-STAFF_HIRED_LATER:], strict=True
    ):
        day = int(users.signup_day[user]) + 45
        row[2] = timestamp(day * DAY)[:10]
    return [*rows, [user_name(bot), "bot", ""]]


def excluded_events(
    events: list[Event],
    excluded: set[int],
    devices: set[str],
    rows: list[list[str]],
) -> dict[str, dict[str, int]]:
    """Good events of excluded users, anonymous visits included; by reason."""
    since = {row[0]: row[2] for row in rows}
    reason = {row[0]: row[1] for row in rows}
    owner = {
        event.anonymous: user_name(event.user)
        for event in events
        if event.anonymous and event.user in excluded
    }
    total = {name: {"all": 0, "since_valid_from": 0} for name in reason.values()}
    for event in events:
        name = user_name(event.user) if event.user != "" else owner.get(event.anonymous)
        if name in reason:
            total[reason[name]]["all"] += 1
            valid = timestamp(int(event.at))[:10] >= since[name]
            total[reason[name]]["since_valid_from"] += valid
    return total


# ---------------------------------------------------------------------------
# The truth
# ---------------------------------------------------------------------------


def told(value: Any, description: str) -> dict[str, Any]:
    return {"value": value, "description": description}


def rate(probabilities: np.ndarray) -> dict[str, Any]:
    """Expected share and its standard deviation from one probability per user."""
    chance = np.clip(probabilities, 0.0, 1.0)
    users = len(chance)
    if users == 0:
        return {"users": 0, "expected": None, "sd": None}
    sd = math.sqrt(float((chance * (1 - chance)).sum())) / users
    return {
        "users": users,
        "expected": round(float(chance.mean()), 4),
        "sd": round(sd, 4),
    }


def segments(users: Users) -> dict[str, dict[str, np.ndarray]]:
    """Which users belong to each value of each segment, staff left out."""
    month = np.array([timestamp(at)[:7] for at in users.signed_up_at])
    columns = {
        "by_plan": users.plan,
        "by_channel": users.channel,
        "by_platform": users.platform,
        "by_signup_month": month,
    }
    return {
        name: {
            str(value): (column == value) & ~users.is_staff
            for value in sorted(set(column.tolist()))
        }
        for name, column in columns.items()
    }


def activation_truth(world: World) -> dict[str, Any]:
    users, week = world.users, world.first_week
    mature = users.signed_up_at + ACTIVATION_WINDOW_DAYS * DAY <= LOADED

    def cell(mask: np.ndarray) -> dict[str, Any]:
        chosen = mask & mature
        activated = int(week.activated[chosen].sum())
        return {
            **rate(week.probability["activated"][chosen]),
            "activated_users": activated,
        }

    truth: dict[str, Any] = {
        "description": "Users whose first plan_created is within 7 days of signup, of "
        "those who signed up 7 days or more before the load; staff and bot left out. "
        "expected and sd come from the probabilities drawn from, activated_users is "
        "what was drawn.",
        "event": "plan_created",
        "window_days": ACTIVATION_WINDOW_DAYS,
        "overall": cell(~users.is_staff),
    }
    for name, masks in segments(users).items():
        truth[name] = {value: cell(mask) for value, mask in masks.items()}
    truth["log_odds"] = ACTIVATION_LOGIT
    return truth


def funnel_truth(world: World) -> dict[str, Any]:
    """Expected and drawn users of each funnel step."""
    visitors, users, funnel = world.visitors, world.users, world.funnel
    week, first = world.first_week, world.shared_device["first"]
    is_late = np.isin(users.tenure_day(), LATE_STEP_DAYS)

    def over(values: np.ndarray) -> np.ndarray:
        return np.where(is_late, values, 0.0).sum(axis=1)

    late = expected_activity(users, world.activity, over) * LATE_STEP_PROBABILITY
    activates, cooks = week.probability["activated"], week.probability["cooked"]
    plans = activates + (1 - activates) * late
    cooks = np.where(week.activated, cooks + (1 - cooks) * late, 0.0)
    pays = np.where(week.cooked, week.probability["subscribed"], 0.0)

    counted = ~users.is_staff
    counted[first] = False  # the visits of this user belong to another one
    entered_at = visitors.first_visit_at
    closed = entered_at + FUNNEL_WINDOW_DAYS * DAY <= LAST_EVENT
    entrants = np.ones(len(entered_at), dtype=bool)
    entrants[users.visitor[~counted]] = False
    reached = {
        "signup": np.ones(len(users), dtype=bool),
        "plan_created": funnel.planned,
        "meal_cooked": funnel.cooked,
        "subscription_started": funnel.subscribed,
    }
    of_visit = np.array([SIGNUP_PROBABILITY[channel] for channel in visitors.channel])
    matured = counted & closed[users.visitor]
    expected = {
        "signup": rate(of_visit[entrants & closed]),
        "plan_created": rate(plans[matured]),
        "meal_cooked": rate(cooks[matured & funnel.planned]),
        "subscription_started": rate(pays[matured & funnel.cooked]),
    }
    steps: list[dict[str, Any]] = [
        {
            "step_number": 1,
            "event": "visit",
            "matured_users": int((entrants & closed).sum()),
        }
    ]
    for number, (event, reach) in enumerate(reached.items(), start=2):
        steps.append(
            {
                "step_number": number,
                "event": event,
                "matured_users": int((matured & reach).sum()),
                "expected_from_previous": expected[event]["expected"],
                "sd": expected[event]["sd"],
            }
        )
    return {
        "description": "Ordered funnel within 14 days of the visit, identities resolved, "
        "staff and bot left out. entrants are all of them, pending_entrants those whose "
        "14 days were not over at the load, matured_users the others by step; "
        "expected_from_previous is the share of the matured users of the step before, "
        "from the probabilities drawn from, sd its standard deviation.",
        "window_days": FUNNEL_WINDOW_DAYS,
        "matured_if_entered_until": timestamp(LAST_EVENT - FUNNEL_WINDOW_DAYS * DAY),
        "entrants": int(entrants.sum()),
        "pending_entrants": int((entrants & ~closed).sum()),
        "steps": steps,
        "signup_probability_by_channel": SIGNUP_PROBABILITY,
        "subscription_probability_by_plan": SUBSCRIBE_PROBABILITY,
    }


def retention_truth(world: World) -> dict[str, Any]:
    """Expected share of users active in each calendar week after that of sign-up."""
    users = world.users
    expected = expected_activity(users, world.activity, by_calendar_week)
    signup_week = users.signup_day // 7
    probability = np.full((len(users), WEEKS), np.nan)
    for user, week in enumerate(signup_week):
        if week < WEEKS:
            probability[user, : WEEKS - week] = expected[user, week:]

    def curve(mask: np.ndarray) -> list[dict[str, Any]]:
        periods = []
        for period in range(WEEKS):
            values = probability[mask, period]
            values = values[~np.isnan(values)]
            if len(values) >= 30:
                periods.append({"period": period, **rate(values)})
        return periods

    ordinary = ~users.is_staff
    truth: dict[str, Any] = {
        "description": "Share of users active in calendar week k (Monday, UTC) after the "
        "week of signup; period 0 is the week of signup. Only complete weeks, staff and "
        "bot left out, cells of 30 users or more. expected and sd are the mean of the "
        "users' own probabilities and its standard deviation. Active means any event "
        "but a passive one.",
        "passive_events": [PASSIVE_EVENT],
        "overall": curve(ordinary),
    }
    for name, masks in segments(users).items():
        truth[name] = {value: curve(mask) for value, mask in masks.items()}
    truth["by_signup_week"] = {
        timestamp(week * 7 * DAY)[:10]: {
            "users": int((ordinary & (signup_week == week)).sum()),
            "expected": [
                round(float(value), 4)
                for value in probability[ordinary & (signup_week == week)].mean(axis=0)
                if not np.isnan(value)
            ],
        }
        for week in range(WEEKS)
    }
    return truth


def churn_truth() -> dict[str, Any]:
    return {
        "description": "At the start of each tenure week from the first on, a user leaves "
        "with probability logistic(intercept + log_tenure_week * ln(week) + latent * z + "
        "signup_month * months after January + plan + channel + platform + ln(odds ratio) "
        "of each causal behaviour done in the first 7 days). z is standard normal and "
        "also drives how often the user comes.",
        "hazard_log_odds": HAZARD_LOGIT,
        "cause_hazard_odds_ratios": {
            event: cause["hazard_odds_ratio"] for event, cause in CAUSES.items()
        },
        "activity_factor_by_weeks_before_churn": told(
            RATE_FACTOR_BEFORE_CHURN, "Daily activity fades before a user leaves."
        ),
        "latent_on_daily_rate": told(
            LATENT_ON_RATE, "A user's daily rate is multiplied by exp(this * z)."
        ),
        "resurrection_probability": told(
            RESURRECTION_PROBABILITY,
            "Share of churned users who come back once, 4 to 8 weeks later, for 3 weeks.",
        ),
        "label": {
            "description": "No activity in the horizon after as_of (a date, its day "
            "included in the past), among ordinary users active in the window up to it. "
            "The base rate is in the range on each weekly as_of (Sundays) from the "
            "first on, and in the narrower range over all of them.",
            "first_as_of": CHURN_FIRST_AS_OF,
            "horizon_days": CHURN_HORIZON_DAYS,
            "active_window_days": CHURN_ACTIVE_WINDOW_DAYS,
            "base_rate_low": CHURN_BASE_RATE_RANGE[0],
            "base_rate_high": CHURN_BASE_RATE_RANGE[1],
            "pooled_base_rate_low": CHURN_POOLED_BASE_RATE_RANGE[0],
            "pooled_base_rate_high": CHURN_POOLED_BASE_RATE_RANGE[1],
        },
    }


def behavior_truth(world: World) -> dict[str, Any]:
    mature = world.users.signed_up_at + 7 * DAY <= LOADED
    ordinary = mature & ~world.users.is_staff
    return {
        "description": "Behaviours of the first 7 days after signup (day 7 itself is free "
        "of them, so any reading of 7 days gives the same users). Causes lower the churn "
        "hazard by their odds ratio. Bystanders happen more to engaged users and change "
        "nothing. The causes' events at other thresholds go with the cause; activation "
        "itself has no effect of its own. users counts those who signed up 7 days or "
        "more before the load.",
        "window_days": 7,
        "causes": {
            event: {
                "threshold": cause["threshold"],
                "hazard_odds_ratio": cause["hazard_odds_ratio"],
                "users": int(world.first_week.causes[event][ordinary].sum()),
            }
            for event, cause in CAUSES.items()
        },
        "bystanders": {
            "description": "Probability in one session of a user with z = 0, before the "
            "user's persona multiplies its odds.",
            "per_session": BYSTANDERS,
        },
        "neutral_events": ["app_opened", *BROWSING],
        "passive_events": [PASSIVE_EVENT],
    }


def persona_truth(users: Users) -> dict[str, Any]:
    return {
        "description": "Each user has one persona, drawn independently of z, segments, "
        "causes and churn. It multiplies the odds of its own events in a session by its "
        "odds_ratio, and those of the other personas' events by other_odds_ratio; all "
        "other events are as likely whatever the persona. Of browsing events it is the "
        "odds of one more. events_per_session are the expected ones that personas shift, "
        "for z = 0: about the same for each, so that personas differ in what is done and "
        "not in how much. users leaves staff and bot out. No file says who has which; "
        "generate.personas() does.",
        "other_odds_ratio": OTHER_PERSONAS_ODDS_RATIO,
        "personas": {
            name: {
                **persona,
                "events_per_session": round(shifted_events_per_session(name), 4),
                "users": int(((users.persona == name) & ~users.is_staff).sum()),
            }
            for name, persona in PERSONAS.items()
        },
    }


def shifted_events_per_session(persona: str) -> float:
    """Expected number in a session of the events that personas shift, for z = 0."""
    total = 0.0
    for event, odds_ratio in persona_odds_ratios(persona).items():
        if event in BROWSING:
            total += odds_ratio * BROWSING[event] / (1 - BROWSING[event])
        else:
            total += with_odds(BYSTANDERS[event], odds_ratio)
    return total


def rhythm_truth() -> dict[str, Any]:
    days = (
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    )
    return {
        "activity_by_weekday": told(
            dict(zip(days, ACTIVITY_WEEKDAY, strict=True)),
            "Factor on the chance that a user is active on a day.",
        ),
        "visits_by_weekday": told(
            dict(zip(days, VISITOR_WEEKDAY, strict=True)),
            "Factor on the number of new visitors of a day.",
        ),
        "sunday_planning_factor": told(
            SUNDAY_PLANNING_FACTOR,
            "plan_created per session is more likely on Sundays.",
        ),
        "visitor_growth_per_week": told(
            VISITOR_GROWTH_PER_WEEK, "New visitors grow by this share every week."
        ),
        "hour_weight": told(
            list(HOUR_WEIGHT),
            "Weight of the local hours 0 to 23 of the user's country.",
        ),
    }


def identity_truth(world: World) -> dict[str, Any]:
    users, shared = len(world.users) + 1, world.shared_device
    return {
        "linked_user_pairs": told(
            users,
            "Pairs of an anonymous_id and a user_id seen on one event: one per user of "
            "users.csv, the bot and staff included, by the signup event at the latest.",
        ),
        "linked_anonymous_ids": told(users - 1, "Different anonymous_ids of those."),
        "anonymous_visitors_never_linked": told(
            len(world.visitors.channel) - len(world.users),
            "Visitors whose anonymous_id is never seen with a user.",
        ),
        "shared_device": {
            "description": "One anonymous_id seen with two users; the newest link wins, "
            "so the visits under it belong to second_user, and first_user has none.",
            "anonymous_id": shared["anonymous_id"],
            "first_user": user_name(shared["first"]),
            "second_user": user_name(shared["second"]),
        },
    }


def dirt_truth() -> dict[str, Any]:
    dirt = DIRT
    ahead = dirt["time_after_received"] + dirt["time_after_load"]
    rejected = sum(dirt.values()) - dirt["late_arrival"]
    return {
        "description": "Rows of events.csv with exactly one defect each; none belongs to "
        "an excluded user. Late arrivals and the changed duplicates are good data, the "
        "superseded row of a duplicated event_id and all others are to be set aside.",
        "duplicate_event_id_rows": told(
            dirt["duplicate_same"] + dirt["duplicate_changed"],
            "Rows beyond the first of their event_id, each received later.",
        ),
        "duplicate_event_ids": told(
            dirt["duplicate_same"] - 5 + dirt["duplicate_changed"],
            "event_ids on more than one row; five of them are on three.",
        ),
        "duplicate_event_ids_with_changed_properties": told(
            dirt["duplicate_changed"],
            "Where the row received last says something else.",
        ),
        "late_arrivals": told(
            dirt["late_arrival"], "received_at more than 24 hours after event_time."
        ),
        "late_after_hours": told(LATE_AFTER_HOURS, "The threshold of late_arrivals."),
        "events_without_identity": told(
            dirt["no_identity"], "Neither user_id nor anonymous_id."
        ),
        "events_of_unknown_users": told(
            dirt["unknown_user"], "user_id is not in users.csv."
        ),
        "events_with_null_time": told(dirt["null_event_time"], "event_time is empty."),
        "events_with_unparsable_time": told(
            dirt["unparsable_event_time"], "event_time is text that is no time."
        ),
        "events_without_name": told(dirt["empty_event_name"], "event_name is empty."),
        "events_after_received_at": told(
            ahead, "event_time is after received_at: the client's clock was wrong."
        ),
        "events_after_load": told(
            dirt["time_after_load"], "Those of them that are even after the load."
        ),
        "rows_to_reject": told(rejected, "All rows to be set aside."),
        "duplicate_user_rows": told(
            1,
            "One user_id twice in users.csv: the later sign-up with another plan is wrong.",
        ),
        "sessions_of_unknown_users": told(
            1, "One session whose user is not in users.csv."
        ),
    }


def truth(world: World, tables: Tables) -> dict[str, Any]:
    """Everything planted, for people and tests."""
    users = world.users
    signed_up = int((~users.is_staff).sum())
    excluded = tables.facts["excluded_events"]
    return {
        "about": {
            "description": "What is true of the seeds, written by generate.py.",
            "seed": SEED,
            "period_start": str(PERIOD_START),
            "loaded_at": str(LOADED_AT),
            "last_complete_date": str((LOADED_AT - timedelta(days=1)).date()),
            "complete_weeks": WEEKS,
        },
        "rows": {
            "description": "Data rows of each file, and of events without the dirty ones.",
            "users": len(tables.users),
            "sessions": len(tables.sessions),
            "events": len(tables.events),
            "excluded_users": len(tables.excluded),
            "good_events": tables.facts["good_events"],
        },
        "population": {
            "visitors": told(
                len(world.visitors.channel), "People with a visit, staff included."
            ),
            "signed_up_users": told(signed_up, "Users without staff and bot."),
            "staff_users": told(STAFF, "Internal users, also in users.csv."),
            "bot_users": told(1, "Bots, also in users.csv."),
            "passive_event_rows": told(
                tables.facts["reminders"],
                "Good reminder_received rows, outside of sessions and an hour away from "
                "them.",
            ),
        },
        "activation": activation_truth(world),
        "funnel": funnel_truth(world),
        "retention": retention_truth(world),
        "churn": churn_truth(),
        "behaviors": behavior_truth(world),
        "personas": persona_truth(users),
        "rhythm": rhythm_truth(),
        "identity": identity_truth(world),
        "dirt": dirt_truth(),
        "excluded": {
            "internal_events": told(
                excluded["internal"]["all"],
                "Good events of staff, their anonymous visits included.",
            ),
            "internal_events_since_valid_from": told(
                excluded["internal"]["since_valid_from"],
                "The same from valid_from (a UTC date, included) on.",
            ),
            "bot_events": told(excluded["bot"]["all"], "Good events of the bot."),
        },
        "edges": {
            "plan_cook_ties": told(
                PLAN_COOK_TIES,
                "Users whose plan_created and meal_cooked share a second.",
            ),
            "visit_signup_ties": told(
                VISIT_SIGNUP_TIES, "Users whose visit and signup share a second."
            ),
            "sessions_across_midnight": told(
                MIDNIGHT_SESSIONS,
                "Sessions with events on both sides of a UTC midnight.",
            ),
            "clock_change_sessions": told(
                CLOCK_CHANGE_SESSIONS,
                "Sessions moved into 2026-03-29 00:10 to 02:40 UTC; Paris goes to summer "
                "time at 01:00.",
            ),
            "session_gap_minutes": told(
                SESSION_GAP // MINUTE,
                "Gaps within a session are shorter, those between a user's sessions "
                "longer.",
            ),
        },
    }


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------

HEADERS = {
    "users.csv": ["user_id", "signed_up_at", "plan", "platform", "channel", "country"],
    "sessions.csv": [
        "session_id",
        "user_id",
        "anonymous_id",
        "started_at",
        "ended_at",
        "device",
    ],
    "events.csv": [
        "event_id",
        "user_id",
        "anonymous_id",
        "session_id",
        "event_name",
        "event_time",
        "received_at",
        "properties",
    ],
    "excluded_users.csv": ["user_id", "reason", "valid_from"],
}


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def dump(value: Any, depth: int = 0) -> str:
    """JSON that keeps small things on one line, so that people can read it."""
    flat = json.dumps(value)
    if not isinstance(value, dict | list) or len(flat) + 2 * depth <= 96:
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        items = [
            f"{json.dumps(str(k))}: {dump(v, depth + 1)}" for k, v in value.items()
        ]
        return "{\n" + ",\n".join(inner + i for i in items) + "\n" + outer + "}"
    items = [dump(item, depth + 1) for item in value]
    return "[\n" + ",\n".join(inner + i for i in items) + "\n" + outer + "]"


def generate(output: Path) -> None:
    """Writes the four tables and the truth into `output`, which is made if needed."""
    output.mkdir(parents=True, exist_ok=True)
    world = live()
    tables = record(world)
    rows = {
        "users.csv": tables.users,
        "sessions.csv": tables.sessions,
        "events.csv": tables.events,
        "excluded_users.csv": tables.excluded,
    }
    for name, header in HEADERS.items():
        write_csv(output / name, header, rows[name])
    text = dump(truth(world, tables)) + "\n"
    (output / "planted_truth.json").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the seeds of the mock product.")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parent,
        help="folder for the files (default: the folder of this script)",
    )
    generate(parser.parse_args().output)


if __name__ == "__main__":
    main()
