"""One user: who they are, what they did, and what is expected of them."""

from __future__ import annotations

from dashboard.queries.common import Result, ask, cached
from dashboard.warehouse import Build

MOST_EVENTS = 500


@cached
def found(build: Build, search: str, limit: int) -> Result:
    """Users whose id holds a text, the most recently active first."""
    return ask(
        build,
        """
        select user_id, engagement_tier, active_days_28
        from user_segments
        where contains(lower(user_id), lower($search))
        qualify row_number() over (partition by user_id order by as_of_date desc) = 1
        order by active_days_28 desc, user_id
        limit $limit
        """,
        {"search": search, "limit": limit},
    )


@cached
def profile(build: Build, user_id: str) -> Result:
    """One row where the user is known: tier, score with reasons, newest features."""
    return ask(
        build,
        """
        with known as (
            select user_id from user_segment_values where user_id = $user_id limit 1
        ),

        newest_segment as (
            select *
            from user_segments
            where user_id = $user_id
            qualify row_number() over (order by as_of_date desc) = 1
        ),

        scored as (
            select
                churn_scores.*,
                user_features.recency_days,
                user_features.tenure_days
            from churn_scores
            left join user_features using (user_id, as_of_date)
            where churn_scores.user_id = $user_id
        )

        select
            known.user_id,
            newest_segment.engagement_tier,
            newest_segment.behavior_segment,
            newest_segment.active_days_28,
            activation.signed_up_at,
            activation.activated_at,
            activation.is_activated,
            activation.is_matured,
            scored.* exclude (user_id)
        from known
        left join newest_segment using (user_id)
        left join activation using (user_id)
        left join scored using (user_id)
        """,
        {"user_id": user_id},
    )


@cached
def segments(build: Build, user_id: str) -> Result:
    """The user's value of each segment."""
    return ask(
        build,
        """
        select segment, segment_value
        from user_segment_values
        where user_id = $user_id and segment <> 'all'
        order by segment
        """,
        {"user_id": user_id},
    )


@cached
def days(build: Build, user_id: str) -> Result:
    """Events by day and name."""
    return ask(
        build,
        """
        select event_date, event_name, count(*) as events
        from events
        where user_id = $user_id
        group by event_date, event_name
        order by event_date, event_name
        """,
        {"user_id": user_id},
    )


@cached
def events(build: Build, user_id: str) -> Result:
    """The newest events, one row each."""
    return ask(
        build,
        """
        select event_time, event_name, session_id, properties
        from events
        where user_id = $user_id
        order by event_time desc, event_id
        limit $limit
        """,
        {"user_id": user_id, "limit": MOST_EVENTS},
    )


@cached
def funnels(build: Build, user_id: str) -> Result:
    """How far the user came in each funnel."""
    return ask(
        build,
        """
        select
            funnel,
            entered_at,
            deepest_step,
            max(step_name) filter (step_number = deepest_step) as step_name,
            is_matured
        from funnel_attempts
        left join funnel_steps using (funnel)
        where user_id = $user_id and is_headline and segment = 'all'
        group by funnel, entered_at, deepest_step, is_matured
        order by entered_at
        """,
        {"user_id": user_id},
    )
