"""Activation: whether and when a user did something often enough after sign-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.oracle.events import Event, Selector, matches


@dataclass(frozen=True)
class Activation:
    """When a user was activated (None: not in time), and whether that is final."""

    user_id: str
    signed_up_at: datetime
    activated_at: datetime | None
    is_matured: bool


def activation(
    user_id: str,
    signed_up_at: datetime,
    events: Iterable[Event],
    selector: Selector,
    count: int,
    within: timedelta,
    data_end: datetime,
) -> Activation:
    """The `count`-th matching event of the user from sign-up on, within a time of it.

    Events before sign-up do not count; one at its very instant, and one exactly at the
    end of the window, do.
    """
    times = []
    for event in events:
        if event.user_id == user_id and matches(selector, event):
            after = event.time - signed_up_at
            if timedelta(0) <= after <= within:
                times.append(event.time)
    times.sort()
    return Activation(
        user_id,
        signed_up_at,
        times[count - 1] if len(times) >= count else None,
        signed_up_at + within <= data_end,
    )
