"""Names, numbers, dates and durations as people read them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pandas as pd

NOT_KNOWN = "\N{EN DASH}"
EVERYONE = "all"
SPECIAL_VALUES = {"(not set)": "Not set", EVERYONE: "Everyone"}
PERIODS = {"day": "Day", "week": "Week", "month": "Month"}
NAMED_VALUES = 8
MODELS = {
    "shipped": "Churn model",
    "base_rate": "Base rate",
    "recency_rule": "Recency rule",
    "rfm_logistic": "Recency, frequency, volume",
    "logistic": "Logistic regression",
    "boosted_trees": "Boosted trees",
}
SECONDS = {"min": 60, "h": 3600, "days": 86400}
MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:])")


def name(text: str) -> str:
    """A technical name as a label: `app_opened` is read as `App opened`."""
    words = re.sub(r"[_\s]+", " ", str(text)).strip()
    return words[:1].upper() + words[1:]


def value(text: str) -> str:
    """The value of a segment, as the data has it."""
    return SPECIAL_VALUES.get(text, str(text))


def who(segment: str, values: Sequence[str], is_everyone: bool) -> str:
    """Whom numbers are of: `everyone`, or `plan free, team`."""
    if is_everyone:
        return "everyone"
    shown = ", ".join(value(text) for text in values[:NAMED_VALUES])
    more = len(values) - NAMED_VALUES
    return f"{name(segment).lower()} {shown}" + (
        f" and {more} more" if more > 0 else ""
    )


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def behavior(text: str | None) -> str:
    """A group of behaviour: `More timer_started` is read as `More timer started`."""
    if not isinstance(text, str) or not text:
        return NOT_KNOWN
    return value(text) if text in SPECIAL_VALUES else name(text)


def reason(text: str | None) -> str:
    """A reason of a score, with the event's name made readable."""
    if not isinstance(text, str) or not text:
        return ""
    subject, colon, rest = text.partition(": ")
    return f"{name(subject)}{colon}{rest}" if "typical" not in subject else name(text)


def plain(text: str) -> str:
    """Text from the data for a chart's label, which would read tags as formatting."""
    return html.escape(str(text), quote=False)


def unformatted(text: str) -> str:
    """Text from the data for a place that would read Markdown."""
    return MARKDOWN.sub(r"\\\1", str(text))


def is_missing(number: float | None) -> bool:
    return number is None or bool(pd.isna(number)) or math.isinf(number)


def count(number: float | None) -> str:
    return NOT_KNOWN if is_missing(number) else f"{number:,.0f}"


def counted(number: float, noun: str) -> str:
    """`1 user`, `2 users`."""
    return f"{count(number)} {noun}" + ("" if round(number) == 1 else "s")


def percent(rate: float | None, decimals: int = 1) -> str:
    return NOT_KNOWN if is_missing(rate) else f"{rate:.{decimals}%}"


def change(rate: float | None) -> str | None:
    """A relative change such as `+4.2%`; None where there is nothing before it."""
    return None if is_missing(rate) else f"{rate:+.1%}"


def points(difference: float | None) -> str | None:
    """A difference of two rates, in percentage points."""
    return None if is_missing(difference) else f"{difference * 100:+.1f} points"


def decimal(number: float | None, decimals: int = 2) -> str:
    return NOT_KNOWN if is_missing(number) else f"{number:.{decimals}f}"


def interval(low: float | None, high: float | None, decimals: int = 2) -> str:
    if is_missing(low) or is_missing(high):
        return NOT_KNOWN
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def level(z: float) -> str:
    """The level of confidence of intervals that reach z standard errors: `95%`."""
    return f"{100 * math.erf(z / math.sqrt(2)):.3g}%"


def day(when: date | datetime | pd.Timestamp | None) -> str:
    return NOT_KNOWN if pd.isna(when) else f"{when.day} {when:%b %Y}"


def period_name(start: date | datetime | pd.Timestamp, period: str) -> str:
    """A period as one says it: its month, or the day that it begins with."""
    return f"{start:%B %Y}" if period == "month" else day(start)


def weekday(when: date | datetime | pd.Timestamp) -> str:
    return f"{when:%A} {when.day} {when:%B %Y}"


def moment(when: datetime | pd.Timestamp) -> str:
    return f"{day(when)}, {when:%H:%M} UTC"


def duration(seconds: float | None) -> str:
    """Seconds in the unit in which one would say them."""
    if is_missing(seconds):
        return NOT_KNOWN
    if seconds < SECONDS["min"]:
        return f"{seconds:.0f} s"
    unit = max((u for u in SECONDS if seconds >= SECONDS[u]), key=SECONDS.get)
    number = seconds / SECONDS[unit]
    if number >= 10:
        return f"{number:.0f} {unit}"
    text = f"{number:.1f}".removesuffix(".0")
    return f"{text} day" if (text, unit) == ("1", "days") else f"{text} {unit}"


def ago(elapsed: timedelta) -> str:
    minutes = max(0, round(elapsed.total_seconds() / 60))
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{counted(minutes, 'minute')} ago"
    return f"{counted(minutes / 60, 'hour')} ago"
