"""What is asked of every engine, and in which columns it answers.

The definitions are those of the marts (see the macros), here in numbers: activity is any
event but PASSIVE, weeks begin on Monday, days are UTC, slices are everyone and each value
of each property of PROPERTIES.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from benchmarks.make_events import DAYS, FIRST_DAY

WINDOW_DAYS = 7
SESSION_GAP_SECONDS = 1800
# The last day of the data is the one that it ends in, so the one before is reported on.
AS_OF = FIRST_DAY + timedelta(DAYS - 2)
LOOKBACK_DAYS = 28
# The newest, and Sundays before it.
AS_OF_DATES = [AS_OF] + [
    day
    for day in (AS_OF - timedelta(back) for back in range(1, 7 * 26))
    if day.isoweekday() == 7 and day >= FIRST_DAY + timedelta(LOOKBACK_DAYS - 1)
]
SLICE = ["segment", "segment_value"]


@dataclass(frozen=True)
class Task:
    """A result: which marts hold it, and SQL that reads the compared rows from them."""

    name: str
    title: str
    marts: str
    answer: str


TASKS = [
    Task(
        "lifecycle",
        "lifecycle by day",
        "lifecycle",
        """
        select period_start as activity_date, segment, segment_value,
            new_users, returning_users, resurrected_users, dormant_users
        from marts.lifecycle
        where period = 'day'
            and new_users + returning_users + resurrected_users + dormant_users > 0
        """,
    ),
    Task(
        "active_users",
        "DAU, WAU and MAU by day",
        "daily_active",
        """
        select activity_date, segment, segment_value, dau, wau, mau
        from marts.daily_active
        where dau > 0
        """,
    ),
    Task(
        "retention",
        "weekly retention",
        "cohort_retention",
        """
        select cohort_start, segment, segment_value, period_number, cohort_users,
            retained_users
        from marts.cohort_retention
        where period = 'week' and retained_users > 0
        """,
    ),
    Task(
        "funnel",
        "five-step funnel, seven days",
        "funnel_attempts funnel_steps",
        """
        select segment, segment_value, step_number, users
        from marts.funnel_steps
        where users > 0
        """,
    ),
    Task(
        "features",
        "user features by week",
        "as_of_dates activation user_event_usage user_features",
        """
        select user_id, as_of_date, recency_days, active_days_28, events_28,
            sessions_28, distinct_events_28
        from marts.user_features
        """,
    ),
]
LOAD = Task("load", "load and model the events", "", "")
BY_NAME = {task.name: task for task in [LOAD, *TASKS]}
