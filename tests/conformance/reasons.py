"""Why a case may be skipped: a tool's own rule, where the project decided otherwise.

A reason holds only for cases whose `semantics` names that tool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.case import Case


@dataclass(frozen=True)
class Reason:
    """Cases of `kind` and `semantics` for which `applies` is true are skipped."""

    kind: str
    semantics: str
    text: str
    applies: Callable[[Case], bool] = lambda case: True


REASONS = (
    Reason(
        "funnel",
        "posthog-only",
        "in PostHog an excluded event takes the user out of the funnel, or back to step"
        " 1; here it ends the attempt where it stands",
        lambda case: bool(case.params.get("exclusions")),
    ),
    Reason(
        "funnel",
        "clickhouse-only",
        "windowFunnel has modes in which one event fills several steps or a repeat is"
        " tolerated; here an event fills one step, and strict order means the next event",
        lambda case: (
            case.params.get("order")
            in ("strict", "strict_deduplication", "one_event_many_steps")
        ),
    ),
    Reason(
        "retention",
        "dbt-product-analytics-only",
        "its cohorts hold every user, from the first event of any kind; here a cohort"
        " is made of those who did the target event",
    ),
)


def reason_to_skip(case: Case) -> str | None:
    """The text of the reason that applies to a case, if one does."""
    for reason in REASONS:
        if (
            case.semantics == reason.semantics
            and case.kind == reason.kind
            and reason.applies(case)
        ):
            return f"{case.semantics}: {reason.text}"
    return None
