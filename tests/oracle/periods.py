"""Calendar periods in a timezone.

Days, weeks and months are local dates: a day may last 23 or 25 hours. Hours and minutes
are elapsed time: they start where the local clock shows a whole hour or minute, and the
hour that a clock shows twice in autumn is two hours. A period is known by the instant
(UTC) at which it starts for hours and minutes, by its first local day for the others.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

PERIODS = ("minute", "hour", "day", "week", "month")
FIXED = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}

Period = date | datetime
"""First local day of a day, week or month; first instant (UTC) of an hour or minute."""


@cache
def local_time(instant: datetime, timezone: str) -> datetime:
    """What the clock on the wall shows at an instant (UTC without a zone)."""
    aware = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return aware.replace(tzinfo=None)


def local_date(instant: datetime, timezone: str) -> date:
    """The local day of an instant."""
    return local_time(instant, timezone).date()


@cache
def day_start(day: date, timezone: str) -> datetime:
    """The first instant (UTC) of a local day, found by walking: no zone arithmetic."""
    instant = datetime(day.year, day.month, day.day) - timedelta(hours=30)
    while local_date(instant, timezone) < day:
        instant += timedelta(minutes=15)
    return instant


def week_first_day(day: date, week_start: str = "monday") -> date:
    """The first day of the week that a day lies in."""
    first = {"monday": 0, "sunday": 6}[week_start]
    while day.weekday() != first:
        day -= timedelta(days=1)
    return day


def period_of_date(day: date, period: str, week_start: str = "monday") -> date:
    """The day, week or month that a local day lies in."""
    if period == "day":
        return day
    if period == "week":
        return week_first_day(day, week_start)
    if period == "month":
        return day.replace(day=1)
    raise ValueError(f"period {period!r} has no days")


@cache
def period_of(
    instant: datetime, period: str, timezone: str = "UTC", week_start: str = "monday"
) -> Period:
    """The period that an instant lies in."""
    if period in FIXED:
        local = local_time(instant, timezone)
        into = timedelta(seconds=local.second, microseconds=local.microsecond)
        if period == "hour":
            into += timedelta(minutes=local.minute)
        return instant - into
    return period_of_date(local_date(instant, timezone), period, week_start)


def next_period(start: Period, period: str) -> Period:
    """The period after one."""
    if period in FIXED:
        return start + FIXED[period]
    if period == "day":
        return start + timedelta(days=1)
    if period == "week":
        return start + timedelta(days=7)
    if start.month == 12:
        return start.replace(year=start.year + 1, month=1)
    return start.replace(month=start.month + 1)


def previous_period(start: Period, period: str) -> Period:
    """The period before one."""
    if period in FIXED:
        return start - FIXED[period]
    if period == "day":
        return start - timedelta(days=1)
    if period == "week":
        return start - timedelta(days=7)
    return (start - timedelta(days=1)).replace(day=1)


def period_range(first: Period, last: Period, period: str) -> list[Period]:
    """Every period from the first to the last, both included."""
    result = []
    while first <= last:
        result.append(first)
        first = next_period(first, period)
    return result


@cache
def period_distance(first: Period, later: Period, period: str) -> int:
    """How many periods one lies after another; negative where it lies before."""
    if later < first:
        return -period_distance(later, first, period)
    distance = 0
    while first < later:
        first = next_period(first, period)
        distance += 1
    return distance


def period_start_instant(start: Period, period: str, timezone: str) -> datetime:
    """The first instant (UTC) of a period."""
    return start if period in FIXED else day_start(start, timezone)


def period_label(start: Period, period: str, timezone: str) -> Period:
    """What to call a period: its first local day, or the local clock at its start."""
    return local_time(start, timezone) if period in FIXED else start
