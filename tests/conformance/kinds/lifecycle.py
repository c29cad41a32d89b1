"""Lifecycle: users by state and period."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question, label_key

FIELDS = ("new", "returning", "resurrecting", "dormant")
COLUMNS = {"resurrecting": "resurrected_users"}


def questions(case: Case) -> list[Question]:
    """One call of the macro, for the range of the case."""
    params = case.params
    arguments = {
        "events": "events",
        "event": params.get("event"),
        "period": params.get("period", "day"),
        "week_start": params.get("week_start"),
        "date_from": params.get("date_from"),
        "date_to": params.get("date_to"),
        "where": params.get("where"),
        "user_where": params.get("user_where"),
    }
    return [Question("states", "lifecycle_of_events", arguments)]


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Users of each state by the label of the period; 0 where nobody ever matched."""
    found = {case.label(row["period_start"]): row for row in rows["states"]}
    return {
        state: {
            label: found.get(label_key(label), {}).get(
                COLUMNS.get(state, f"{state}_users"), 0
            )
            for label in periods
        }
        for state, periods in case.expected.items()
    }
