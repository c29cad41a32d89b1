"""How many people use the product, and how often."""

from __future__ import annotations

from datetime import date

from dashboard.queries.common import Result, Slice, ask, cached, listed_users
from dashboard.warehouse import Build

# Of daily_active, up to the last day that is looked at: what came before is compared.
DAYS = """
    daily_active_in(
        segment := $segment, segment_values := $values, by_value := false,
        date_to := $end
    )
"""


@cached
def headline(build: Build, chosen: Slice) -> Result:
    """Complete days with their numbers and how they changed, oldest first.

    Days are compared with the same weekday a week before, MAU and stickiness with the
    28 days before theirs. What has no full window is NULL.
    """
    return ask(
        build,
        f"""
        with days as (
            select
                activity_date,
                dau,
                case when is_full_window_wau then wau end as wau,
                case when is_full_window_mau then mau end as mau,
                case when is_full_window_mau then stickiness end as stickiness,
                new_users,
                returning_users
            from {DAYS}
            where is_complete
        ),

        changes as (
            select
                *,
                safe_divide(dau, lag(dau, 7) over by_day) - 1 as dau_change,
                safe_divide(wau, lag(wau, 7) over by_day) - 1 as wau_change,
                safe_divide(mau, lag(mau, 28) over by_day) - 1 as mau_change,
                stickiness - lag(stickiness, 28) over by_day as stickiness_change,
                safe_divide(new_users, lag(new_users, 7) over by_day) - 1
                    as new_users_change,
                safe_divide(returning_users, lag(returning_users, 7) over by_day) - 1
                    as returning_users_change
            from days
            window by_day as (order by activity_date)
        )

        select * from changes where activity_date >= $start order by activity_date
        """,
        chosen.parameters,
    )


@cached
def activation(build: Build, chosen: Slice, by_value: bool) -> Result:
    """Users by the week of their sign-up: how many of them were activated in time.

    activation_rate and its interval are over who has had their time (matured_users);
    activation_change is that of the whole week against the week before.
    """
    return ask(
        build,
        """
        select
            *,
            case when is_matured then
                activation_rate - lag(activation_rate) over (
                    partition by segment_value order by period_start
                )
            end as activation_change
        from activation_in(
            'week', segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $start, date_to := $end
        )
        order by segment_value, period_start
        """,
        {**chosen.parameters, "by_value": by_value},
    )


@cached
def active_users(build: Build, chosen: Slice, by_value: bool) -> Result:
    """DAU, WAU, MAU and stickiness by day, of all chosen values together or of each."""
    return ask(
        build,
        """
        select
            segment_value,
            activity_date,
            dau,
            wau,
            mau,
            stickiness,
            is_complete as is_full_dau,
            is_complete and is_full_window_wau as is_full_wau,
            is_complete and is_full_window_mau as is_full_mau,
            is_complete and is_full_window_mau as is_full_stickiness
        from daily_active_in(
            segment := $segment, segment_values := $values, by_value := $by_value,
            date_from := $start, date_to := $end
        )
        order by segment_value, activity_date
        """,
        {**chosen.parameters, "by_value": by_value},
    )


@cached
def active_users_listed(build: Build, chosen: Slice, day: date, days: int) -> Result:
    """Who was active on the day, or in so many days that end with it."""
    return listed_users(
        build,
        """
        select user_id, active_days, events, last_event_at
        from active_users_in(
            segment := $segment, segment_values := $values,
            date_from := $day::date - ($days::integer - 1), date_to := $day
        )
        """,
        {**chosen.who, "day": day, "days": days},
    )


@cached
def signed_up_listed(
    build: Build, chosen: Slice, week: date, is_activated: bool
) -> Result:
    """Who signed up in the week, had their time, and was or was not activated."""
    return listed_users(
        build,
        """
        select user_id, signed_up_at, activated_at
        from activation_users_in(
            'week', segment := $segment, segment_values := $values,
            date_from := $week, date_to := $week
        )
        where is_matured and is_activated = $is_activated
        """,
        {**chosen.who, "week": week, "is_activated": is_activated},
    )
