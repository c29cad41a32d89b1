"""Sessions: by a gap between events, or by the id that the events carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.oracle.events import Event, as_text, by_user


@dataclass(frozen=True)
class Session:
    """One session: its events in order of time, then event_id."""

    user_id: str
    events: tuple[Event, ...]

    @property
    def started_at(self) -> datetime:
        """Time of the first event."""
        return self.events[0].time

    @property
    def ended_at(self) -> datetime:
        """Time of the last event."""
        return self.events[-1].time

    @property
    def length(self) -> timedelta:
        """From the first event to the last."""
        return self.ended_at - self.started_at

    @property
    def is_bounce(self) -> bool:
        """Whether the session has one event only."""
        return len(self.events) == 1


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events by time, then event_id."""
    return sorted(events, key=lambda event: (event.time, event.event_id))


def by_gap(events: Iterable[Event], gap: timedelta) -> list[Session]:
    """A gap longer than `gap` starts a new session; an equal one does not."""
    sessions = []
    for user_id, own in by_user(events).items():
        current: list[Event] = []
        for event in in_order(own):
            if current and event.time - current[-1].time > gap:
                sessions.append(Session(user_id, tuple(current)))
                current = []
            current.append(event)
        sessions.append(Session(user_id, tuple(current)))
    return sessions


def by_supplied_id(
    events: Iterable[Event],
    property_name: str | None = None,
    dedupe_by: str | None = None,
    longest: timedelta | None = None,
) -> list[Session]:
    """One session per user and id: an event property, or the event's session_id.

    Of events with one value of the property `dedupe_by`, whoever's they are and with an
    id or without, the first is kept; those without a value are all kept. Events without
    an id belong to no session. What comes later than `longest` after its session's
    first event is left out.
    """
    found: dict[tuple[str, str], list[Event]] = {}
    seen: set[str] = set()
    for event in in_order(events):
        if dedupe_by is not None:
            value = as_text(event.properties.get(dedupe_by))
            if value in seen:
                continue
            if value is not None:
                seen.add(value)
        key = event.session_id
        if property_name is not None:
            key = as_text(event.properties.get(property_name))
        if key is None:
            continue
        of_id = found.setdefault((event.user_id, key), [])
        if not of_id or longest is None or event.time - of_id[0].time <= longest:
            of_id.append(event)
    return [Session(user_id, tuple(of_id)) for (user_id, _), of_id in found.items()]


def by_marker(events: Iterable[Event], marker: str, counted: bool) -> list[Session]:
    """Each event named `marker` starts a session; `counted`: it belongs to it.

    Events before the first marker belong to none; a session without events is none.
    """
    sessions = []
    for user_id, own in by_user(events).items():
        current: list[Event] | None = None
        for event in in_order(own):
            if event.name == marker:
                if current:
                    sessions.append(Session(user_id, tuple(current)))
                current = [event] if counted else []
            elif current is not None:
                current.append(event)
        if current:
            sessions.append(Session(user_id, tuple(current)))
    return sessions
