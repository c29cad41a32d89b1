"""Retention: cohorts and how many of each came back, period by period.

Besides the shared schema: a cohort may expect `on`, `on_or_after`, `through` and
`elapsed` (lists by period, period 0 measured), and params may have `brackets` ([first,
last] of periods), for which `brackets` is expected: cohort, and users of each one.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question, in_order_of, label_key

FIELDS = ("cohorts", "brackets")
MEASURES = {
    "on": "retained_users",
    "on_or_after": "retained_on_or_after_users",
    "through": "retained_through_users",
    "elapsed": "retained_elapsed_users",
}


def questions(case: Case) -> list[Question]:
    """A call for the periods from the first cohort on; one for brackets."""
    params = case.params
    arguments = {
        "events": "events",
        "target": params.get("target"),
        "returning": params.get("returning"),
        "kind": params.get("retention", "first_time"),
        "period": params.get("period", "day"),
        "week_start": params.get("week_start"),
        "date_from": params["first_cohort"],
        "periods": params["periods"],
        "where": params.get("where"),
        "user_where": params.get("user_where"),
    }
    asked = []
    if "cohorts" in case.expected:
        asked.append(Question("retention", "retention_of_events", arguments))
    if "brackets" in case.expected:
        arguments = {**arguments, "brackets": params["brackets"]}
        asked.append(Question("brackets", "retention_of_events", arguments))
    return asked


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The expected cohorts as the macro counts them."""
    got: dict[str, Any] = {}
    if "cohorts" in case.expected:
        cells = _by_cohort(case, rows["retention"], "period_number")
        cohorts = [
            _cohort(case, place, expected["cohort"], cells)
            for place, expected in enumerate(case.expected["cohorts"])
        ]
        got["cohorts"] = in_order_of(case.expected["cohorts"], cohorts, "cohort")
    if "brackets" in case.expected:
        cells = _by_cohort(case, rows["brackets"], "first_period_number")
        got["brackets"] = [
            {
                "cohort": expected["cohort"],
                "users": [
                    cells.get(label_key(expected["cohort"]), {})
                    .get(first, {})
                    .get("retained_users", 0)
                    for first, _ in case.params["brackets"]
                ],
            }
            for expected in case.expected["brackets"]
        ]
    return got


def _by_cohort(
    case: Case, rows: list[dict[str, Any]], number: str
) -> dict[str, dict[int, dict[str, Any]]]:
    cells: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        # The clock shows one hour twice when summer time ends: the first is meant.
        cells.setdefault(case.label(row["cohort_start"]), {}).setdefault(
            row[number], row
        )
    return cells


def _cohort(
    case: Case, place: int, name: str, cells: dict[str, dict[int, dict[str, Any]]]
) -> dict[str, Any]:
    """A cohort's numbers; values[0] is its size. Where nobody is, all are 0."""
    mine = cells.get(label_key(name), {})
    length = max(mine, default=case.params["periods"] - 1 - place) + 1
    size = mine.get(0, {}).get("cohort_users", 0)
    by_measure = {
        measure: [mine.get(number, {}).get(column, 0) for number in range(length)]
        for measure, column in MEASURES.items()
    }
    measure = "on_or_after" if case.params.get("unbounded") else "on"
    values = [size, *by_measure[measure][1:]]
    return {
        "cohort": name,
        "size": size,
        "values": values,
        "percent": [100 * value / size if size else 0.0 for value in values],
        **by_measure,
    }
