"""What people do one after the other within a session."""

from __future__ import annotations

from dashboard.queries.common import Result, Slice, ask, cached, listed_users
from dashboard.warehouse import Build

OTHER = "(other)"


@cached
def flows(build: Build, chosen: Slice, most_events: int) -> Result:
    """How often one event followed another, by step; rare events are (other).

    Sessions that began in the months of the chosen days. A step keeps the names of the
    `most_events` events that most sessions had at it.
    """
    return ask(
        build,
        """
        with transitions as (
            select
                from_step,
                from_event,
                to_event,
                sum(transitions)::bigint as transitions
            from path_transitions
            where segment = $segment
                and list_contains($values, segment_value)
                and period_start between date_trunc('month', $start) and $end
            group by from_step, from_event, to_event
        ),

        arrivals as (
            select from_step + 1 as step, to_event as event, sum(transitions) as sessions
            from transitions
            group by step, event
        ),

        named as (
            select step, event
            from arrivals
            where event <> $other
            qualify row_number() over (
                partition by step order by event = '(exit)' desc, sessions desc, event
            ) <= $most_events + 1
        )

        select
            transitions.from_step,
            case
                when transitions.from_step = 0 then transitions.from_event
                else coalesce(origin.event, $other)
            end as from_event,
            coalesce(target.event, $other) as to_event,
            sum(transitions.transitions)::bigint as transitions
        from transitions
        left join named as origin
            on transitions.from_step = origin.step
            and transitions.from_event = origin.event
        left join named as target
            on transitions.from_step + 1 = target.step
            and transitions.to_event = target.event
        group by all
        order by transitions.from_step, transitions desc, from_event, to_event
        """,
        {**chosen.parameters, "other": OTHER, "most_events": most_events},
    )


@cached
def next_events(build: Build, chosen: Slice) -> Result:
    """After each event, at whatever step: what came next, and in what share."""
    return ask(
        build,
        """
        with counted as (
            select from_event, to_event, sum(transitions)::bigint as transitions
            from path_transitions
            where segment = $segment
                and list_contains($values, segment_value)
                and period_start between date_trunc('month', $start) and $end
            group by from_event, to_event
        )

        select
            *,
            transitions / sum(transitions) over (partition by from_event)
                as share_of_from
        from counted
        order by transitions desc, from_event, to_event
        """,
        chosen.parameters,
    )


@cached
def users_of(
    build: Build, chosen: Slice, from_event: str, to_event: str, from_step: int | None
) -> Result:
    """Who went from one event to another, at a step (None: at any), and how often."""
    return listed_users(
        build,
        """
        select user_id, transitions as times
        from path_users_in(
            $from_event, $to_event, from_step := $from_step, segment := $segment,
            segment_values := $values, date_from := $start, date_to := $end
        )
        """,
        {
            **chosen.parameters,
            "from_event": from_event,
            "to_event": to_event,
            "from_step": from_step,
        },
    )
