"""How much people use the product and what for: tiers, groups of behaviour, moves."""

from __future__ import annotations

from datetime import date

from dashboard.queries.common import Result, ask, cached, listed_users
from dashboard.warehouse import Build

ALL = "all"
TIERS = ("power", "core", "casual", "one-off", "new", "dormant", "lost")


@cached
def tiers(build: Build) -> Result:
    """Users of each engagement tier, by date."""
    return ask(
        build,
        """
        select as_of_date, engagement_tier, users
        from segment_retention
        where behavior_segment = $all and engagement_tier <> $all
        order by as_of_date, list_position($tiers, engagement_tier)
        """,
        {"all": ALL, "tiers": list(TIERS)},
    )


@cached
def behaviors(build: Build) -> Result:
    """Each group of behaviour now: users, stability, and its two most typical events."""
    return ask(
        build,
        """
        select
            behavior_segment,
            any_value(users) as users,
            any_value(stability) as stability,
            any_value(as_of_date) as as_of_date
        from segment_profiles
        group by behavior_segment
        order by users desc, behavior_segment
        """,
        {},
    )


@cached
def profiles(build: Build, most_events: int) -> Result:
    """Per group and event: its share against everyone's, the most telling events."""
    return ask(
        build,
        """
        with telling as (
            select event_name
            from segment_profiles
            group by event_name
            order by max(share * ln(greatest(index, 0.001))) desc, event_name
            limit $most_events
        )

        select behavior_segment, event_name, share, population_share, index, users
        from segment_profiles
        inner join telling using (event_name)
        order by behavior_segment, event_name
        """,
        {"most_events": most_events},
    )


@cached
def retention(build: Build) -> Result:
    """Who was active again within the horizon, by tier and group, newest closed date."""
    return ask(
        build,
        """
        with newest as (
            select max(as_of_date) as as_of_date
            from segment_retention
            where is_closed
        )

        select
            as_of_date,
            engagement_tier,
            behavior_segment,
            users,
            later_active_users,
            retention_rate,
            ci_low,
            ci_high
        from segment_retention
        inner join newest using (as_of_date)
        order by
            list_position($tiers, engagement_tier) nulls last, behavior_segment
        """,
        {"tiers": list(TIERS)},
    )


@cached
def moves(build: Build) -> Result:
    """From which tier to which users went between the two newest dates."""
    return ask(
        build,
        """
        with newest as (
            select max(to_as_of_date) as to_as_of_date from segment_moves
        )

        select
            from_segment,
            to_segment,
            users,
            share_of_from,
            from_as_of_date,
            to_as_of_date
        from segment_moves
        inner join newest using (to_as_of_date)
        where axis = 'engagement_tier'
        order by from_segment, to_segment
        """,
        {},
    )


@cached
def users_of(build: Build, as_of_date: date, tier: str, behavior: str) -> Result:
    """Who is in a tier, in a group of behaviour, or in both."""
    return listed_users(
        build,
        """
        select user_id, engagement_tier, behavior_segment, active_days_28
        from user_segments
        where as_of_date = $as_of_date::date
            and ($tier = $all or engagement_tier = $tier)
            and ($behavior = $all or behavior_segment = $behavior)
        """,
        {"as_of_date": as_of_date, "tier": tier, "behavior": behavior, "all": ALL},
    )
