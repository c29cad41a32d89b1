"""Stickiness: users by their number of active periods."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question

FIELDS = ("users_by_active_periods",)
MODES = {"exact": "users_exact", "at_least": "users_at_least"}


def questions(case: Case) -> list[Question]:
    """One call of the macro; it counts exactly and at least at once."""
    params = case.params
    arguments = {
        "events": "events",
        "event": params.get("event"),
        "period": params.get("period", "day"),
        "every": params.get("every", 1),
        "date_from": params.get("date_from"),
        "date_to": params.get("date_to"),
        "per_period": params.get("per_period"),
        "week_start": params.get("week_start"),
        "where": params.get("where"),
        "user_where": params.get("user_where"),
    }
    return [Question("stickiness", "stickiness_of_events", arguments)]


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Users per number of periods; a number that the range does not have has none."""
    mode = case.params.get("mode", "exact")
    if mode not in MODES:
        raise ValueError(f"mode: got {mode!r}, allowed are: {', '.join(MODES)}")
    found = {str(row["active_periods"]): row[MODES[mode]] for row in rows["stickiness"]}
    return {
        "users_by_active_periods": {
            number: found.get(number, 0)
            for number in case.expected["users_by_active_periods"]
        }
    }
