"""What a metric reads: events, users, and the conditions on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Condition = Mapping[str, Any]
"""{"property", "op", "value"}; op is one of OPERATORS, eq where it is left out."""

Selector = Mapping[str, Any]
"""{"event": name, None for any; "where": [conditions]; "user_where": [conditions]}."""

Users = Mapping[str, Mapping[str, Any]]
"""user_id -> properties of the user."""

OPERATORS = ("eq", "neq", "is_set", "icontains", "not_icontains")


@dataclass(frozen=True)
class Event:
    """One event. `time` is UTC without a zone, exact to the microsecond."""

    event_id: str
    user_id: str
    name: str
    time: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None


def as_text(value: Any) -> str | None:
    """A JSON value as text: true, 20, chrome; None where there is no value."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def meets(condition: Condition, properties: Mapping[str, Any]) -> bool:
    """Whether properties meet one condition.

    A property that is missing (or null) fails eq, is_set and icontains, and passes neq
    and not_icontains.
    """
    operator = condition.get("op", "eq")
    if operator not in OPERATORS:
        raise ValueError(f"op {operator!r} is not one of {OPERATORS}")
    actual = as_text(properties.get(condition["property"]))
    if operator == "is_set":
        return actual is not None
    wanted = as_text(condition["value"])
    assert wanted is not None
    if operator == "eq":
        return actual is not None and actual == wanted
    if operator == "neq":
        return actual is None or actual != wanted
    contains = actual is not None and wanted.lower() in actual.lower()
    return contains if operator == "icontains" else not contains


def meets_all(conditions: Iterable[Condition] | None, event: Event) -> bool:
    """Whether an event meets every condition of a list."""
    return all(meets(condition, event.properties) for condition in conditions or ())


def user_meets(tree: Any, properties: Mapping[str, Any]) -> bool:
    """Whether a user meets a tree of {"and": [...]}, {"or": [...]} and conditions.

    A list is an `and` of its members; nothing asked is met by everyone.
    """
    if not tree:
        return True
    if isinstance(tree, list | tuple):
        return all(user_meets(branch, properties) for branch in tree)
    if "and" in tree:
        return all(user_meets(branch, properties) for branch in tree["and"])
    if "or" in tree:
        return any(user_meets(branch, properties) for branch in tree["or"])
    return meets(tree, properties)


def matches(selector: Selector, event: Event, users: Users | None = None) -> bool:
    """Whether an event is one that the selector asks for."""
    wanted = selector.get("event")
    if wanted is not None and event.name != wanted:
        return False
    if not meets_all(selector.get("where"), event):
        return False
    return user_meets(selector.get("user_where"), (users or {}).get(event.user_id, {}))


def selected(
    events: Iterable[Event],
    where: Iterable[Condition] | None = None,
    user_where: Any = None,
    users: Users | None = None,
) -> list[Event]:
    """The events that meet conditions on themselves and on their user."""
    conditions = list(where or ())
    return [
        event
        for event in events
        if meets_all(conditions, event)
        and user_meets(user_where, (users or {}).get(event.user_id, {}))
    ]


def by_user(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events of each user."""
    result: dict[str, list[Event]] = {}
    for event in events:
        result.setdefault(event.user_id, []).append(event)
    return result
