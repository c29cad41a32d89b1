"""How far people get, and where they drop out."""

from __future__ import annotations

from dashboard.queries.common import Result, Slice, ask, cached
from dashboard.warehouse import Build


@cached
def funnels(build: Build) -> Result:
    """Names of the funnels and their number of steps."""
    return ask(
        build,
        """
        select funnel, max(step_number) as steps
        from funnel_steps
        where segment = 'all'
        group by funnel
        order by steps desc, funnel
        """,
        {},
    )


@cached
def funnel_steps(build: Build, funnel: str, chosen: Slice, by_value: bool) -> Result:
    """A funnel step by step, over the users who entered it on the chosen days.

    A user counts with the attempt that went deepest, then the earliest, of those that
    began in the range. Shares are of all who entered; the matured ones and their
    interval of those whose window has closed.
    """
    return ask(
        build,
        """
        with attempts as (
            select user_id, deepest_step, step_times, is_matured
            from funnel_attempts
            where funnel = $funnel and entry_date between $start and $end
            qualify row_number() over (
                partition by user_id order by deepest_step desc, attempt_number
            ) = 1
        ),

        steps as (
            select distinct step_number, step_name
            from funnel_steps
            where funnel = $funnel and segment = 'all'
        ),

        attempt_steps as (
            select
                case when $by_value then segment_value else 'all' end as segment_value,
                step_number,
                step_name,
                is_matured,
                deepest_step >= step_number as is_reached,
                deepest_step >= step_number - 1 as is_previous_reached,
                case
                    when is_reached and step_number > 1 then
                        epoch_us(step_times[step_number]) / 1e6
                        - epoch_us(step_times[step_number - 1]) / 1e6
                end as seconds_from_previous
            from attempts
            inner join user_segment_values using (user_id)
            cross join steps
            where segment = $segment and list_contains($values, segment_value)
        ),

        counted as (
            select
                segment_value,
                step_number,
                step_name,
                count(*) as entered_users,
                count(*) filter (is_reached) as users,
                count(*) filter (is_previous_reached and not is_reached and is_matured)
                    as dropped_users,
                count(*) filter (
                    is_previous_reached and not is_reached and not is_matured
                ) as pending_users,
                count(*) filter (is_matured) as matured_entrants,
                count(*) filter (is_matured and is_reached) as matured_users,
                count(*) filter (is_matured and is_previous_reached)
                    as matured_previous_users,
                quantile_cont(seconds_from_previous, 0.5)
                    as median_seconds_from_previous,
                quantile_cont(seconds_from_previous, 0.9) as p90_seconds_from_previous
            from attempt_steps
            group by segment_value, step_number, step_name
        )

        select
            *,
            users / entered_users as conversion_from_start,
            users / nullif(users + dropped_users + pending_users, 0)
                as conversion_from_previous,
            dropped_users / entered_users as dropped_share,
            pending_users / entered_users as pending_share,
            matured_users / nullif(matured_entrants, 0) as matured_conversion,
            wilson_low(matured_users, matured_entrants) as ci_low,
            wilson_high(matured_users, matured_entrants) as ci_high
        from counted
        order by segment_value, step_number
        """,
        {**chosen.parameters, "funnel": funnel, "by_value": by_value},
    )


@cached
def funnel_drop_out(build: Build, funnel: str, chosen: Slice) -> Result:
    """Of those who reached a step and had their time: the share that went no further.

    One row per segment value and step after the first, with its interval.
    """
    return ask(
        build,
        """
        with attempts as (
            select user_id, deepest_step
            from funnel_attempts
            where funnel = $funnel and entry_date between $start and $end
            qualify row_number() over (
                partition by user_id order by deepest_step desc, attempt_number
            ) = 1 and is_matured
        ),

        steps as (
            select
                step_number,
                step_name,
                lag(step_name) over (order by step_number) as previous_step_name
            from funnel_steps
            where funnel = $funnel and segment = 'all'
        ),

        counted as (
            select
                segment_value,
                step_number,
                step_name,
                previous_step_name,
                count(*) as reached_users,
                count(*) filter (deepest_step < step_number) as stopped_users
            from attempts
            inner join user_segment_values using (user_id)
            inner join steps on attempts.deepest_step >= steps.step_number - 1
            where step_number > 1
                and segment = $segment
                and list_contains($values, segment_value)
            group by all
        )

        select
            *,
            stopped_users / nullif(reached_users, 0) as stopped_rate,
            wilson_low(stopped_users, reached_users) as ci_low,
            wilson_high(stopped_users, reached_users) as ci_high
        from counted
        order by segment_value, step_number
        """,
        {**chosen.parameters, "funnel": funnel},
    )
