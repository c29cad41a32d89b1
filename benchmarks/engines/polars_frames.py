"""Polars over the files, lazily and streaming where it can.

Trailing windows are counted by their ends, as the macro active_users does, because
polars has no window that counts distinct values; the funnel is a chain of as-of joins.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from benchmarks.make_events import DAYS, FIRST_DAY, FUNNEL, PASSIVE, PROPERTIES, Data
from benchmarks.question import (
    AS_OF_DATES,
    LOOKBACK_DAYS,
    SESSION_GAP_SECONDS,
    SLICE,
    WINDOW_DAYS,
)

DAY = pl.col("event_time").dt.date().alias("day")
WINDOWS = {"dau": 1, "wau": 7, "mau": 28}


def run(task: str, data: Data, folder: Path) -> None:
    """Answers a task."""
    answer = ANSWERS[task](
        pl.scan_parquet(data.event_files), pl.scan_parquet(data.user_file)
    )
    answer.collect(engine="streaming").write_parquet(folder / f"{task}.parquet")


def sliced(rows: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Each row for everyone and for each property of its user."""
    with_properties = rows.join(users.select("user_id", *PROPERTIES), on="user_id")
    names = [pl.lit("all").alias("all"), *(pl.col(name) for name in PROPERTIES)]
    return pl.concat(
        with_properties.with_columns(
            pl.lit(name.meta.output_name()).alias("segment"),
            name.alias("segment_value"),
        ).drop(list(PROPERTIES))
        for name in names
    )


def user_days(events: pl.LazyFrame) -> pl.LazyFrame:
    """One row per user and day with activity."""
    return (
        events.filter(pl.col("event_name") != PASSIVE).select("user_id", DAY).unique()
    )


def days_since(earlier: str, later: str = "day") -> pl.Expr:
    """Whole days between two dates; null where one is."""
    return (pl.col(later) - pl.col(earlier)).dt.total_days()


def neighbours(events: pl.LazyFrame) -> pl.LazyFrame:
    """User days with the user's day before and after."""
    return (
        user_days(events)
        .sort("user_id", "day")
        .with_columns(
            pl.col("day").shift(1).over("user_id").alias("previous_day"),
            pl.col("day").shift(-1).over("user_id").alias("next_day"),
        )
    )


def lifecycle(events: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """New, returning, resurrected and dormant users by day."""
    days = neighbours(events)
    state = (
        pl.when(pl.col("previous_day").is_null())
        .then(pl.lit("new_users"))
        .when(days_since("previous_day") == 1)
        .then(pl.lit("returning_users"))
        .otherwise(pl.lit("resurrected_users"))
    )
    dormant = days.filter(
        pl.col("next_day").is_null() | (days_since("day", "next_day") > 1)
    ).select(
        "user_id",
        pl.col("day").dt.offset_by("1d"),
        pl.lit("dormant_users").alias("state"),
    )
    states = pl.concat([days.select("user_id", "day", state.alias("state")), dormant])
    names = ["new_users", "returning_users", "resurrected_users", "dormant_users"]
    return (
        sliced(states, users)
        .filter(days_since_start(pl.col("day")) < DAYS)
        .group_by(pl.col("day").alias("activity_date"), *SLICE)
        .agg(*((pl.col("state") == name).sum().alias(name) for name in names))
    )


def days_since_start(day: pl.Expr) -> pl.Expr:
    """The number of a day, from 0."""
    return (day - pl.lit(FIRST_DAY)).dt.total_days()


def active_users(events: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Distinct users on each day, and in the 7 and 28 days up to it."""
    days = neighbours(events)
    changes = []
    for name, length in WINDOWS.items():
        entered = days.filter(
            pl.col("previous_day").is_null() | (days_since("previous_day") >= length)
        ).select("user_id", "day", pl.lit(name).alias("window"), pl.lit(1).alias("by"))
        left = days.filter(
            pl.col("next_day").is_null() | (days_since("day", "next_day") >= length)
        ).select(
            "user_id",
            pl.col("day").dt.offset_by(f"{length}d"),
            pl.lit(name).alias("window"),
            pl.lit(-1).alias("by"),
        )
        changes += [entered, left]
    by_day = (
        sliced(pl.concat(changes), users)
        .group_by("day", "window", *SLICE)
        .agg(pl.col("by").sum())
    )
    dates = pl.LazyFrame(
        {
            "day": pl.date_range(
                FIRST_DAY,
                eager=True,
                interval="1d",
                end=FIRST_DAY.replace(month=12, day=31),
            ).head(DAYS)
        }
    )
    spine = by_day.select("window", *SLICE).unique().join(dates, how="cross")
    counted = (
        spine.join(by_day, on=["day", "window", *SLICE], how="left")
        .sort("day")
        .with_columns(
            pl.col("by").fill_null(0).cum_sum().over("window", *SLICE).alias("users")
        )
    )
    return (
        counted.group_by(pl.col("day").alias("activity_date"), *SLICE)
        .agg(
            *(
                pl.col("users").filter(pl.col("window") == name).sum().alias(name)
                for name in WINDOWS
            )
        )
        .filter(pl.col("dau") > 0)
    )


def retention(events: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Users of each sign-up week who were active in the weeks after it."""
    cohort = pl.col("signed_up_at").dt.date().dt.truncate("1w").alias("cohort_start")
    members = users.select("user_id", cohort)
    sizes = (
        sliced(members, users)
        .group_by("cohort_start", *SLICE)
        .agg(pl.len().alias("cohort_users"))
    )
    active = (
        events.filter(pl.col("event_name") != PASSIVE)
        .select("user_id", DAY.dt.truncate("1w").alias("week"))
        .unique()
        .join(members, on="user_id")
        .filter(pl.col("week") >= pl.col("cohort_start"))
        .with_columns((days_since("cohort_start", "week") // 7).alias("period_number"))
        .drop("week")
    )
    return (
        sliced(active, users)
        .group_by("cohort_start", *SLICE, "period_number")
        .agg(pl.len().alias("retained_users"))
        .join(sizes, on=["cohort_start", *SLICE])
    )


def funnel(events: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """Users by the deepest step that any of their attempts reached within the window."""
    numbers = {name: number for number, name in enumerate(FUNNEL, start=1)}
    steps = (
        events.filter(pl.col("event_name").is_in(FUNNEL))
        .select(
            "user_id",
            "event_time",
            pl.col("event_name")
            .replace_strict(numbers, return_dtype=pl.Int8)
            .alias("step"),
        )
        .sort("user_id", "event_time", "step")
        .with_row_index("position")
        .collect(engine="streaming")
    )
    attempts = steps.filter(pl.col("step") == 1).select(
        "user_id", "position", pl.col("event_time").alias("entered_at")
    )
    reached = [attempts.select("user_id", pl.lit(1).alias("step_number")).unique()]
    for number in range(2, len(FUNNEL) + 1):
        following = steps.filter(pl.col("step") == number).select(
            "user_id", "position", pl.col("position").alias("next"), "event_time"
        )
        attempts = (
            attempts.join_asof(
                following,
                on="position",
                by="user_id",
                strategy="forward",
                allow_exact_matches=False,
                check_sortedness=False,
            )
            .filter(
                pl.col("event_time") - pl.col("entered_at")
                <= pl.duration(days=WINDOW_DAYS)
            )
            .select("user_id", pl.col("next").alias("position"), "entered_at")
            .sort("position")
        )
        reached.append(
            attempts.select("user_id", pl.lit(number).alias("step_number")).unique()
        )
    return (
        sliced(pl.concat(reached).lazy(), users)
        .group_by(*SLICE, "step_number")
        .agg(pl.len().alias("users"))
    )


def features(events: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """What was known of each active user at the end of each week."""
    in_sessions = (
        events.select("user_id", "event_name", "event_time")
        .sort("user_id", "event_time")
        .with_columns(
            (
                (pl.col("event_time") - pl.col("event_time").shift(1))
                > pl.duration(seconds=SESSION_GAP_SECONDS)
            )
            .over("user_id")
            .fill_null(True)
            .cum_sum()
            .alias("session")
        )
        .filter(pl.col("event_name") != PASSIVE)
        .with_columns(DAY)
        .collect(engine="streaming")
    )
    started = (
        in_sessions.group_by("user_id", "session")
        .agg(pl.col("day").min())
        .group_by("user_id", "day")
        .agg(pl.len().alias("sessions"))
    )
    days = (
        in_sessions.group_by("user_id", "day")
        .agg(pl.len().alias("events"))
        .join(started, on=["user_id", "day"], how="left")
        .with_columns(pl.col("sessions").fill_null(0))
    )
    names = in_sessions.select("user_id", "day", "event_name").unique()
    return pl.concat(features_of(days, names))


def features_of(days: pl.DataFrame, names: pl.DataFrame) -> Iterable[pl.LazyFrame]:
    """The features of each date."""
    for as_of in AS_OF_DATES:
        ago = (pl.lit(as_of) - pl.col("day")).dt.total_days()
        within = (ago >= 0) & (ago < LOOKBACK_DAYS)
        breadth = (
            names.lazy()
            .filter(within)
            .group_by("user_id")
            .agg(pl.col("event_name").n_unique().alias("distinct_events_28"))
        )
        yield (
            days.lazy()
            .filter(within)
            .group_by("user_id")
            .agg(
                ago.min().alias("recency_days"),
                pl.len().alias("active_days_28"),
                pl.col("events").sum().alias("events_28"),
                pl.col("sessions").sum().alias("sessions_28"),
            )
            .join(breadth, on="user_id")
            .with_columns(pl.lit(as_of).alias("as_of_date"))
        )


ANSWERS = {
    "lifecycle": lifecycle,
    "active_users": active_users,
    "retention": retention,
    "funnel": funnel,
    "features": features,
}
