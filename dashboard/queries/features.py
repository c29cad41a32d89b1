"""Who uses what."""

from __future__ import annotations

from datetime import date

from dashboard.queries.common import (
    Period,
    Result,
    Slice,
    ask,
    cached,
    listed_users,
)
from dashboard.warehouse import Build


@cached
def features(build: Build, chosen: Slice, period: Period) -> Result:
    """Who used what in the newest period of which one knows who came back after it."""
    return ask(
        build,
        """
        with usage as (
            select *
            from feature_usage
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
        ),

        newest as (
            select max(period_start) as period_start
            from usage
            where is_complete and is_next_complete
                and period_start between date_trunc($period, $start) and $end
        ),

        newest_usage as (
            select usage.* from usage inner join newest using (period_start)
        ),

        actives_by_value as (
            select
                segment_value,
                max(active_users) as active_users,
                max(retained_active_users) as retained_active_users
            from newest_usage
            group by segment_value
        ),

        actives as (
            select
                sum(active_users)::bigint as active_users,
                sum(retained_active_users)::bigint as retained_active_users
            from actives_by_value
        ),

        counted as (
            select
                period_start,
                event_name,
                sum(users)::bigint as users,
                sum(repeat_users)::bigint as repeat_users,
                sum(events)::bigint as events,
                sum(retained_users)::bigint as retained_users
            from newest_usage
            group by period_start, event_name
        ),

        rates as (
            select
                counted.*,
                actives.active_users,
                users / nullif(actives.active_users, 0) as adoption_rate,
                repeat_users / nullif(users, 0) as repeat_rate,
                events / nullif(users, 0) as events_per_user,
                retained_users / nullif(users, 0) as retained_with_rate,
                (retained_active_users - retained_users)
                    / nullif(actives.active_users - users, 0) as retained_without_rate
            from counted
            cross join actives
        )

        select *, retained_with_rate - retained_without_rate as difference
        from rates
        order by users desc, event_name
        """,
        {**chosen.parameters, "period": period},
    )


@cached
def feature_names(build: Build) -> Result:
    """Features by how many ever used them, the most used first."""
    return ask(
        build,
        """
        select event_name, max(ever_users) as users
        from feature_usage
        where segment = 'all'
        group by event_name
        order by users desc, event_name
        """,
        {},
    )


@cached
def usage_by_period(
    build: Build, chosen: Slice, period: Period, events: tuple[str, ...]
) -> Result:
    """The share of active users who used each feature, by week or month."""
    return ask(
        build,
        """
        with usage as (
            select *
            from feature_usage
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
                and period_start between date_trunc($period, $start) and $end
        ),

        actives_by_value as (
            select period_start, segment_value, max(active_users) as active_users
            from usage
            group by period_start, segment_value
        ),

        actives as (
            select period_start, sum(active_users)::bigint as active_users
            from actives_by_value
            group by period_start
        ),

        used as (
            select
                event_name,
                period_start,
                sum(users)::bigint as users,
                bool_and(is_complete) as is_full
            from usage
            where list_contains($events, event_name)
            group by event_name, period_start
        )

        select
            *, safe_divide(users, active_users) as adoption_rate
        from used
        inner join actives using (period_start)
        order by event_name, period_start
        """,
        {**chosen.parameters, "period": period, "events": list(events)},
    )


@cached
def adoption_by_week_of_life(
    build: Build, chosen: Slice, events: tuple[str, ...]
) -> Result:
    """The share that had used each feature by each week of their life, with interval."""
    return ask(
        build,
        """
        select
            event_name,
            life_week,
            sum(users)::bigint as users,
            sum(adopted_users)::bigint as adopted_users,
            safe_divide(sum(adopted_users), sum(users)) as adoption_rate,
            wilson_low(sum(adopted_users), sum(users)) as ci_low,
            wilson_high(sum(adopted_users), sum(users)) as ci_high
        from feature_adoption
        where segment = $segment
            and list_contains($values, segment_value)
            and list_contains($events, event_name)
        group by event_name, life_week
        order by event_name, life_week
        """,
        {**chosen.who, "events": list(events)},
    )


@cached
def breadth(build: Build, chosen: Slice, period: Period) -> Result:
    """How many features users used in the newest complete period."""
    return ask(
        build,
        """
        with newest as (
            select max(period_start) as period_start
            from feature_breadth
            where period = $period
                and is_complete
                and period_start between date_trunc($period, $start) and $end
        ),

        counted as (
            select period_start, features_used, sum(users)::bigint as users
            from feature_breadth
            inner join newest using (period_start)
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
            group by period_start, features_used
        )

        select *, users / sum(users) over () as share
        from counted
        order by features_used
        """,
        {**chosen.parameters, "period": period},
    )


@cached
def users_of(
    build: Build, chosen: Slice, period: Period, period_start: date, event_name: str
) -> Result:
    """Who used a feature in a period, and how often."""
    return listed_users(
        build,
        """
        select events.user_id, count(*) as times, max(events.event_time) as last_time
        from events
        inner join user_segment_values using (user_id)
        where user_segment_values.segment = $segment
            and list_contains($values, user_segment_values.segment_value)
            and events.event_name = $event_name
            and events.is_activity
            and events.event_date >= $period_start::date
            and events.event_date < case $period
                when 'month' then $period_start::date + interval 1 month
                else $period_start::date + interval 7 day
            end
        group by events.user_id
        """,
        {
            **chosen.who,
            "period": period,
            "period_start": period_start,
            "event_name": event_name,
        },
    )


@cached
def impact(build: Build) -> Result:
    """Behaviours of the first days at their best threshold, the most impact first."""
    return ask(
        build,
        """
        select
            event_name,
            threshold,
            verdict,
            statement,
            users,
            reach,
            retained_with_rate,
            retained_without_rate,
            lift,
            phi,
            adjusted_risk_difference,
            ci_low,
            ci_high,
            q_value,
            confirmed_risk_difference,
            e_value,
            impact
        from behavior_impact
        where is_best_threshold and adjusted_risk_difference is not null
        order by
            list_position(
                ['confirmed', 'suggestive', 'confounded', 'no evidence'], verdict
            ),
            impact desc nulls last,
            event_name
        """,
        {},
    )
