"""Funnels: users by step, time to convert, breakdowns, the deepest step of each user."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Case, Question

STEP_FIELDS = (
    "counts",
    "avg_seconds",
    "median_seconds",
    "share_of_first",
    "share_of_previous",
    "share_of_all",
)
FIELDS = (*STEP_FIELDS, "levels", "breakdown", "bins")
ORDERS = {
    # A mode of another tool whose rule is one of the three here where it is not skipped.
    "strict_deduplication": "strict",
    "one_event_many_steps": "ordered",
}


def questions(case: Case) -> list[Question]:
    """Headline attempts, then their counts by step and what else is expected."""
    params = case.params
    steps = [
        {**step, "name": f"step {number}"}
        for number, step in enumerate(params["steps"], start=1)
    ]
    breakdown = (params.get("breakdown") or {}).get("properties", [])
    order = params.get("order", "ordered")
    arguments = {
        "events": "events",
        "steps": steps,
        "window_seconds": params.get("window_seconds"),
        "order": ORDERS.get(order, order),
        "strictly_increasing": params.get("same_timestamp") == "strictly_increasing",
        "exclusions": [
            {**each, "from_step": each["from_step"] + 1, "to_step": each["to_step"] + 1}
            for each in params.get("exclusions") or []
        ],
        "count_by": params.get("count_by") or "user_id",
        "where": params.get("where") or [],
        "user_where": params.get("user_where"),
        "date_from": params.get("date_from"),
        "date_to": params.get("date_to"),
        "breakdown": breakdown,
    }
    counted = {
        "attempts": "headline",
        "steps": "steps",
        "group_by": ["breakdown_values"],
    }
    definitions = [{"name": "case", "steps": steps}]
    asked = [
        Question("headline", "funnel_of_events", arguments),
        Question("steps", "funnel_step_names", {"definitions": definitions}),
        Question("counts", "funnel_step_counts", counted),
        Question("everyone", "everyone", {"events": "events"}),
    ]
    if "bins" in case.expected:
        bins = params.get("bins")
        wanted = {"attempts": "headline", "bins": None if bins == "auto" else bins}
        asked.append(Question("bins", "time_to_convert_bins", wanted))
    return asked


def answer(case: Case, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What the counts say, step by step and split by breakdown values."""
    users = len(rows["everyone"])
    step_count = len(case.params["steps"])
    found: dict[tuple, list[dict[str, Any]]] = {}
    for row in sorted(rows["counts"], key=lambda row: row["step_number"]):
        key = tuple(value or "" for value in row["breakdown_values"])
        found.setdefault(key, []).append(row)
    got: dict[str, Any] = {}
    if "breakdown" in case.expected:
        expected = [_key(one["value"]) for one in case.expected["breakdown"]]
        keys = expected + sorted(set(found) - set(expected))
        values = {
            _key(one["value"]): one["value"] for one in case.expected["breakdown"]
        }
        got["breakdown"] = [
            {
                "value": values.get(key, list(key)),
                **_steps(found.get(key), step_count, users),
            }
            for key in keys
        ]
    else:
        got |= _steps(found.get(("all",)), step_count, users)
    if "levels" in case.expected:
        levels = {row["actor_id"]: row["deepest_step"] for row in rows["headline"]}
        got["levels"] = {user: levels.get(user, 0) for user in case.expected["levels"]}
    if "bins" in case.expected:
        got["bins"] = sorted([row["bin_start"], row["users"]] for row in rows["bins"])
    return got


def _key(value: Any) -> tuple:
    values = value if isinstance(value, list) else [value]
    return tuple("" if one is None else str(one) for one in values)


def _steps(
    rows: list[dict[str, Any]] | None, step_count: int, users: int
) -> dict[str, list]:
    """The fields of one funnel; zeros where nobody entered."""
    if not rows:
        empty: list[Any] = [None] * step_count
        return dict.fromkeys(STEP_FIELDS, empty) | {
            "counts": [0] * step_count,
            "share_of_all": [0.0] * step_count if users else empty,
        }
    counts = [row["users"] for row in rows]
    return {
        "counts": counts,
        "avg_seconds": [row["mean_seconds_from_previous"] for row in rows],
        "median_seconds": [row["median_seconds_from_previous"] for row in rows],
        "share_of_first": [_share(count, counts[0]) for count in counts],
        "share_of_previous": [
            None if number == 0 else _share(count, counts[number - 1])
            for number, count in enumerate(counts)
        ],
        "share_of_all": [_share(count, users) for count in counts],
    }


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
