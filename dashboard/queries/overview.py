"""How many people use the product, and how often."""

from __future__ import annotations

from dashboard.queries.common import Result, Slice, ask, cached
from dashboard.warehouse import Build


@cached
def headline(build: Build, chosen: Slice) -> Result:
    """Complete days with their numbers and how they changed, oldest first.

    Days are compared with the same weekday a week before, MAU and stickiness with the
    28 days before theirs. What has no full window is NULL.
    """
    return ask(
        build,
        """
        with days as (
            select
                activity_date,
                sum(dau)::bigint as dau,
                case when bool_and(is_full_window_wau) then sum(wau)::bigint end as wau,
                case when bool_and(is_full_window_mau) then sum(mau)::bigint end as mau,
                case
                    when bool_and(is_full_window_mau)
                        then sum(stickiness * mau) / nullif(sum(mau), 0)
                end as stickiness,
                sum(new_users)::bigint as new_users
            from daily_active
            where segment = $segment
                and list_contains($values, segment_value)
                and is_complete
                and activity_date <= $end
            group by activity_date
        ),

        changes as (
            select
                *,
                dau / nullif(lag(dau, 7) over by_day, 0) - 1 as dau_change,
                wau / nullif(lag(wau, 7) over by_day, 0) - 1 as wau_change,
                mau / nullif(lag(mau, 28) over by_day, 0) - 1 as mau_change,
                stickiness - lag(stickiness, 28) over by_day as stickiness_change,
                new_users / nullif(lag(new_users, 7) over by_day, 0) - 1
                    as new_users_change
            from days
            window by_day as (order by activity_date)
        )

        select * from changes where activity_date >= $start order by activity_date
        """,
        chosen.parameters,
    )


@cached
def activation_by_week(build: Build, chosen: Slice) -> Result:
    """Weeks of sign-up whose windows have all closed, oldest first.

    Columns: week_start, signed_up_users, activated_users, activation_rate, change from
    the week before, ci_low, ci_high.
    """
    return ask(
        build,
        """
        with signed_up as (
            select
                date_trunc('week', timezone(
                    (select timezone from build_info), timezone('UTC', signed_up_at)
                ))::date as week_start,
                is_activated,
                is_matured
            from activation
            inner join user_segment_values using (user_id)
            where segment = $segment and list_contains($values, segment_value)
        ),

        weeks as (
            select
                week_start,
                count(*) as signed_up_users,
                count(*) filter (is_activated) as activated_users
            from signed_up
            group by week_start
            having bool_and(is_matured)
        ),

        rates as (
            select
                *,
                activated_users / signed_up_users as activation_rate,
                wilson_low(activated_users, signed_up_users) as ci_low,
                wilson_high(activated_users, signed_up_users) as ci_high
            from weeks
        ),

        changes as (
            select
                *,
                activation_rate - lag(activation_rate) over (order by week_start)
                    as activation_change
            from rates
        )

        select *
        from changes
        where week_start between date_trunc('week', $start) and $end - 6
        order by week_start
        """,
        chosen.parameters,
    )


@cached
def active_users(build: Build, chosen: Slice, by_value: bool) -> Result:
    """DAU, WAU, MAU and stickiness by day, of all chosen values together or of each."""
    return ask(
        build,
        """
        select
            activity_date,
            case when $by_value then segment_value else 'all' end as segment_value,
            sum(dau)::bigint as dau,
            sum(wau)::bigint as wau,
            sum(mau)::bigint as mau,
            sum(stickiness * mau) / nullif(sum(mau), 0) as stickiness,
            bool_and(is_complete) as is_full_dau,
            bool_and(is_complete and is_full_window_wau) as is_full_wau,
            bool_and(is_complete and is_full_window_mau) as is_full_mau,
            bool_and(is_complete and is_full_window_mau) as is_full_stickiness
        from daily_active
        where segment = $segment
            and list_contains($values, segment_value)
            and activity_date between $start and $end
        group by all
        order by segment_value, activity_date
        """,
        {**chosen.parameters, "by_value": by_value},
    )
