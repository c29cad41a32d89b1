"""How far people get, how long it takes them, and where they drop out."""

from __future__ import annotations

from dashboard.queries.common import Period, Result, Slice, ask, cached, listed_users
from dashboard.warehouse import Build

# Exact quantiles are most of the work, and drawn of one slice only.
WITHOUT_TIMES = "columns(lambda name: not contains(name, '_seconds_from_'))"


@cached
def funnels(build: Build) -> Result:
    """The funnels, the one of most steps first, with what they are defined by."""
    return ask(
        build,
        """
        select
            funnel,
            max(step_number) as steps,
            any_value(step_order) as step_order,
            any_value(window_seconds) as window_seconds
        from funnel_steps
        where segment = 'all'
        group by funnel
        order by steps desc, funnel
        """,
        {},
    )


@cached
def steps(build: Build, funnel: str, chosen: Slice, by_value: bool) -> Result:
    """A funnel step by step, over the users who entered it on the chosen days.

    Shares are of all who entered; matured_conversion and drop_out_rate with their
    intervals of those whose window has closed. How long it took is told of all values
    together.
    """
    columns = WITHOUT_TIMES if by_value else "*"
    return ask(
        build,
        f"""
        select {columns}
        from funnel_steps_in(
            $funnel, segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $start, date_to := $end
        )
        order by segment_value, step_number
        """,
        {**chosen.parameters, "funnel": funnel, "by_value": by_value},
    )


@cached
def trend(
    build: Build,
    funnel: str,
    step_number: int,
    chosen: Slice,
    period: Period,
    by_value: bool,
) -> Result:
    """Conversion to a step by the period of entering."""
    return ask(
        build,
        f"""
        select {WITHOUT_TIMES}
        from funnel_trends_in(
            $funnel, $period, segment := $segment, segment_values := $values,
            by_value := $by_value, date_from := $start, date_to := $end
        )
        where step_number = $step_number
        order by segment_value, period_start
        """,
        {
            **chosen.parameters,
            "funnel": funnel,
            "step_number": step_number,
            "period": period,
            "by_value": by_value,
        },
    )


@cached
def time_to_convert(
    build: Build, funnel: str, from_step: int, to_step: int, chosen: Slice
) -> Result:
    """How many took how long from one step to another: bin_start in seconds, users."""
    return ask(
        build,
        """
        select *
        from time_to_convert_in(
            $funnel, $from_step, $to_step, segment := $segment,
            segment_values := $values, date_from := $start, date_to := $end
        )
        order by bin_start
        """,
        {
            **chosen.parameters,
            "funnel": funnel,
            "from_step": from_step,
            "to_step": to_step,
        },
    )


# What became of who entered, seen from a step: the condition on their attempt.
OUTCOMES = {
    "reached": "step_times[$step_number] is not null",
    "dropped": """
        step_times[$step_number] is null
        and step_times[$previous_number] is not null and is_matured
    """,
    "pending": """
        step_times[$step_number] is null
        and step_times[$previous_number] is not null and not is_matured
    """,
}


@cached
def users_at_step(
    build: Build,
    funnel: str,
    step_number: int,
    previous_number: int,
    outcome: str,
    chosen: Slice,
) -> Result:
    """Who reached a step, dropped out before it, or may still reach it."""
    return listed_users(
        build,
        f"""
        select
            user_id,
            entered_at,
            step_times[$previous_number] as previous_at,
            step_times[$step_number] as reached_at
        from funnel_users_in(
            $funnel, segment := $segment, segment_values := $values,
            date_from := $start, date_to := $end
        )
        where {OUTCOMES[outcome]}
        """,
        {
            **chosen.parameters,
            "funnel": funnel,
            "step_number": step_number,
            "previous_number": previous_number,
        },
    )
