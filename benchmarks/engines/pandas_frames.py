"""pandas over the files, vectorised; only the columns that a task needs are read.

Trailing windows are counted by their ends, as the macro active_users does; the funnel is a
chain of as-of merges. Users are categories, which is faster than text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.make_events import DAYS, FIRST_DAY, FUNNEL, PASSIVE, PROPERTIES, Data
from benchmarks.question import (
    AS_OF_DATES,
    LOOKBACK_DAYS,
    SESSION_GAP_SECONDS,
    SLICE,
    WINDOW_DAYS,
)

ONE_DAY = pd.Timedelta(days=1)
WINDOWS = {"dau": 1, "wau": 7, "mau": 28}


def run(task: str, data: Data, folder: Path) -> None:
    """Answers a task."""
    users = pd.read_parquet(data.user_file).set_index("user_id")
    events = pd.read_parquet(
        Path(data.event_files).parent, columns=["user_id", "event_name", "event_time"]
    )
    events["user_id"] = pd.Categorical(events["user_id"], categories=users.index)
    events["event_name"] = events["event_name"].astype("category")
    answer = ANSWERS[task](events, users)
    for column in {"activity_date", "cohort_start", "as_of_date"} & set(answer.columns):
        answer[column] = pd.to_datetime(answer[column]).dt.date
    answer.to_parquet(folder / f"{task}.parquet", index=False)


def sliced(rows: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Each row for everyone and for each property of its user."""
    parts = [rows.assign(segment="all", segment_value="all")]
    for name in PROPERTIES:
        values = users[name].astype("category").reindex(rows["user_id"].astype(object))
        parts.append(rows.assign(segment=name, segment_value=values.to_numpy(object)))
    return pd.concat(parts, ignore_index=True)


def activity(events: pd.DataFrame) -> pd.DataFrame:
    """Active events with their day."""
    active = events[events["event_name"] != PASSIVE]
    return active.assign(day=active["event_time"].dt.floor("D"))


def neighbours(events: pd.DataFrame) -> pd.DataFrame:
    """User days with the days since the user's day before, and to the one after."""
    days = activity(events)[["user_id", "day"]].drop_duplicates()
    days = days.sort_values(["user_id", "day"])
    by_user = days.groupby("user_id", observed=True)["day"]
    days["since"] = (days["day"] - by_user.shift(1)) / ONE_DAY
    days["until"] = (by_user.shift(-1) - days["day"]) / ONE_DAY
    return days


def lifecycle(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """New, returning, resurrected and dormant users by day."""
    days = neighbours(events)
    days["state"] = "resurrected_users"
    days.loc[days["since"] == 1, "state"] = "returning_users"
    days.loc[days["since"].isna(), "state"] = "new_users"
    dormant = days[days["until"].isna() | (days["until"] > 1)].copy()
    dormant["day"] += ONE_DAY
    dormant["state"] = "dormant_users"
    states = pd.concat([days, dormant])[["user_id", "day", "state"]]
    states = states[states["day"] < pd.Timestamp(FIRST_DAY) + DAYS * ONE_DAY]
    counted = sliced(states, users).groupby(["day", *SLICE, "state"]).size()
    return (
        counted.unstack(fill_value=0)
        .reset_index()
        .rename(columns={"day": "activity_date"})
    )


def active_users(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Distinct users on each day, and in the 7 and 28 days up to it."""
    days = neighbours(events)
    dates = pd.date_range(FIRST_DAY, periods=DAYS)
    columns = {}
    for name, length in WINDOWS.items():
        entered = days[days["since"].isna() | (days["since"] >= length)]
        left = days[days["until"].isna() | (days["until"] >= length)]
        changes = pd.concat(
            [
                entered[["user_id", "day"]].assign(by=1),
                left[["user_id"]].assign(day=left["day"] + length * ONE_DAY, by=-1),
            ]
        )
        by_day = sliced(changes, users).groupby(["day", *SLICE])["by"].sum()
        by_day = by_day.unstack(SLICE, fill_value=0)
        columns[name] = by_day.reindex(dates, fill_value=0).cumsum().stack(SLICE)
    counted = pd.DataFrame(columns).rename_axis(["activity_date", *SLICE]).reset_index()
    return counted[counted["dau"] > 0]


def weeks(times: pd.Series) -> pd.Series:
    """The Monday of each time's week."""
    days = times.dt.floor("D")
    return days - pd.to_timedelta(days.dt.dayofweek, unit="D")


def retention(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Users of each sign-up week who were active in the weeks after it."""
    cohorts = weeks(users["signed_up_at"])
    members = cohorts.rename("cohort_start").reset_index()
    sizes = sliced(members, users).groupby(["cohort_start", *SLICE]).size()
    active = activity(events)
    active = active.assign(week=weeks(active["day"]))[["user_id", "week"]]
    active = active.drop_duplicates()
    active["cohort_start"] = active["user_id"].map(cohorts).astype("datetime64[us]")
    active = active[active["week"] >= active["cohort_start"]]
    active["period_number"] = (active["week"] - active["cohort_start"]).dt.days // 7
    retained = sliced(active[["user_id", "cohort_start", "period_number"]], users)
    cells = retained.groupby(["cohort_start", *SLICE, "period_number"]).size()
    return (
        cells.rename("retained_users")
        .reset_index()
        .merge(sizes.rename("cohort_users").reset_index(), on=["cohort_start", *SLICE])
    )


def funnel(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Users by the deepest step that any of their attempts reached within the window."""
    numbers = {name: number for number, name in enumerate(FUNNEL, start=1)}
    steps = events[events["event_name"].isin(FUNNEL)]
    steps = steps.assign(
        user=steps["user_id"].cat.codes,
        step=steps["event_name"].astype(object).map(numbers).astype("int8"),
    )[["user", "user_id", "event_time", "step"]]
    steps = steps.sort_values(["user", "event_time", "step"], ignore_index=True)
    steps["position"] = steps.index
    attempts = steps[steps["step"] == 1].rename(columns={"event_time": "entered_at"})
    attempts = attempts[["user", "user_id", "position", "entered_at"]]
    reached = [attempts[["user_id"]].drop_duplicates().assign(step_number=1)]
    for number in range(2, len(FUNNEL) + 1):
        following = steps.loc[
            steps["step"] == number, ["user", "position", "event_time"]
        ]
        attempts = pd.merge_asof(
            attempts,
            following.assign(next=following["position"]),
            on="position",
            by="user",
            direction="forward",
            allow_exact_matches=False,
        )
        inside = (
            attempts["event_time"] - attempts["entered_at"] <= WINDOW_DAYS * ONE_DAY
        )
        attempts = attempts[inside].drop(columns=["position", "event_time"])
        attempts = attempts.rename(columns={"next": "position"})
        attempts = attempts.astype({"position": "int64"}).sort_values("position")
        reached.append(
            attempts[["user_id"]].drop_duplicates().assign(step_number=number)
        )
    counted = sliced(pd.concat(reached), users).groupby([*SLICE, "step_number"]).size()
    return counted.rename("users").reset_index()


def features(events: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """What was known of each active user at the end of each week."""
    ordered = events.sort_values(["user_id", "event_time"])
    gap = ordered.groupby("user_id", observed=True)["event_time"].diff()
    starts = gap.isna() | (gap > pd.Timedelta(seconds=SESSION_GAP_SECONDS))
    active = activity(ordered.assign(session=starts.cumsum()))
    by_day = ["user_id", "day"]
    days = active.groupby(by_day, observed=True).size().rename("events").to_frame()
    starts = active.drop_duplicates("session").groupby(by_day, observed=True).size()
    days["sessions"] = starts.reindex(days.index, fill_value=0)
    days = days.reset_index()
    names = active[["user_id", "day", "event_name"]].drop_duplicates()
    return pd.concat(features_of(days, names, AS_OF_DATES), ignore_index=True)


def features_of(
    days: pd.DataFrame, names: pd.DataFrame, dates: Sequence
) -> list[pd.DataFrame]:
    """The features of each date."""
    found = []
    for as_of in dates:
        end = pd.Timestamp(as_of)
        start = end - LOOKBACK_DAYS * ONE_DAY
        seen = days[(days["day"] > start) & (days["day"] <= end)]
        done = names[(names["day"] > start) & (names["day"] <= end)]
        done = done[["user_id", "event_name"]].drop_duplicates()
        features = seen.groupby("user_id", observed=True).agg(
            last_day=("day", "max"),
            active_days_28=("day", "size"),
            events_28=("events", "sum"),
            sessions_28=("sessions", "sum"),
        )
        features["distinct_events_28"] = done.groupby("user_id", observed=True).size()
        features["recency_days"] = (end - features["last_day"]) // ONE_DAY
        found.append(
            features.drop(columns="last_day").reset_index().assign(as_of_date=end)
        )
    return found


ANSWERS = {
    "lifecycle": lifecycle,
    "active_users": active_users,
    "retention": retention,
    "funnel": funnel,
    "features": features,
}
