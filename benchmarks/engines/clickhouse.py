"""ClickHouse inside the process (chdb), over the files or over tables loaded from them.

uniqExact states merged over trailing windows, windowFunnel and retention are its own. The
tables are MergeTree ordered by user and time, which suits these questions best.
"""

from __future__ import annotations

from pathlib import Path

from chdb import session

from benchmarks.make_events import FIRST_DAY, FUNNEL, PASSIVE, PROPERTIES, Data
from benchmarks.question import (
    AS_OF_DATES,
    DAYS,
    LOOKBACK_DAYS,
    SESSION_GAP_SECONDS,
    WINDOW_DAYS,
)

SLICES = "arrayJoin([('all', 'all'), {}]) as slice".format(
    ", ".join(f"('{name}', users.{name})" for name in PROPERTIES)
)
SLICE = "slice.1 as segment, slice.2 as segment_value"
WEEKS = (DAYS + FIRST_DAY.weekday() + 6) // 7
SETTINGS = """
    set session_timezone = 'UTC', schema_inference_make_columns_nullable = 0,
        join_use_nulls = 1
"""


def run(task: str, data: Data, folder: Path, tables: bool = False) -> None:
    """Answers a task over the files, or over the tables that `load` made."""
    connection = session.Session(str(folder / "clickhouse") if tables else None)
    connection.query(SETTINGS)
    if task == "load":
        load(connection, data)
    else:
        query = QUERIES[task]
        if not tables:
            query = query.replace("from events", f"from {files(data.event_files)}")
            query = query.replace(
                "from users", f"from {files(data.user_file)} as users"
            )
            query = query.replace(
                "join users", f"join {files(data.user_file)} as users"
            )
        connection.query(
            f"{query} into outfile '{folder / task}.parquet' truncate format Parquet"
        )
    connection.close()


def files(path: str) -> str:
    """What to select from to read Parquet files."""
    return f"file('{path}', Parquet)"


def load(connection: session.Session, data: Data) -> None:
    """The files as tables of its own, so that it reads them as fast as it can."""
    connection.query("drop table if exists events")
    connection.query("drop table if exists users")
    connection.query(
        f"""
        create table events engine = MergeTree order by (user_id, event_time) as
        select user_id, toLowCardinality(event_name) as event_name, event_time
        from {files(data.event_files)}
        """
    )
    connection.query(
        f"""
        create table users engine = MergeTree order by user_id as
        select * from {files(data.user_file)}
        """
    )


USER_DAYS = f"""
    select user_id, toDate(event_time) as day
    from events
    where event_name != '{PASSIVE}'
    group by user_id, day
"""

LIFECYCLE = f"""
    with
    user_days as ({USER_DAYS}),
    neighbours as (
        select user_id, day,
            lagInFrame(toNullable(day)) over (
                partition by user_id order by day
                rows between unbounded preceding and unbounded following
            ) as previous_day,
            leadInFrame(toNullable(day)) over (
                partition by user_id order by day
                rows between unbounded preceding and unbounded following
            ) as next_day
        from user_days
    ),
    states as (
        select user_id, day as at,
            multiIf(previous_day is null, 'new', day - previous_day = 1, 'returning',
                'resurrected') as state
        from neighbours
        union all
        select user_id, day + 1 as at, 'dormant' as state
        from neighbours
        where (next_day is null or next_day - day > 1)
            and day + 1 < toDate('{FIRST_DAY}') + {DAYS}
    )
    select toDate32(at) as activity_date, {SLICE},
        countIf(state = 'new') as new_users,
        countIf(state = 'returning') as returning_users,
        countIf(state = 'resurrected') as resurrected_users,
        countIf(state = 'dormant') as dormant_users
    from (
        select states.at as at, states.state as state, {SLICES}
        from states inner join users on states.user_id = users.user_id
    )
    group by activity_date, segment, segment_value
"""

ACTIVE_USERS = f"""
    with
    user_days as ({USER_DAYS}),
    daily as (
        select day, {SLICE}, uniqExactState(user_id) as users
        from (
            select user_days.day as day, user_days.user_id as user_id, {SLICES}
            from user_days inner join users on user_days.user_id = users.user_id
        )
        group by day, segment, segment_value
    )
    select toDate32(day) as activity_date, segment, segment_value,
        finalizeAggregation(users) as dau,
        uniqExactMerge(users) over (
            partition by segment, segment_value order by day
            range between 6 preceding and current row
        ) as wau,
        uniqExactMerge(users) over (
            partition by segment, segment_value order by day
            range between 27 preceding and current row
        ) as mau
    from daily
"""

ACTIVE_IN_WEEKS = ", ".join(
    f"toMonday(event_time) = toMonday(toDate('{FIRST_DAY}')) + {7 * week}"
    for week in range(WEEKS)
)
FIRST_WEEK = f"toMonday(toDate('{FIRST_DAY}'))"
RETENTION = f"""
    with
    returns as (
        select user_id, retention(1, {ACTIVE_IN_WEEKS}) as weeks
        from events
        where event_name != '{PASSIVE}'
        group by user_id
    ),
    members as (
        select toMonday(users.signed_up_at) as cohort, returns.weeks as weeks, {SLICES}
        from users left join returns on users.user_id = returns.user_id
    ),
    cohorts as (
        select cohort, slice, count() as cohort_users, sumForEach(weeks) as retained
        from members
        group by cohort, slice
    )
    select toDate32(cohort) as cohort_start, {SLICE},
        intDiv({FIRST_WEEK} + 7 * (week - 2) - cohort, 7) as period_number,
        cohort_users,
        users as retained_users
    from cohorts
    array join retained as users, arrayEnumerate(retained) as week
    where week > 1 and users > 0 and {FIRST_WEEK} + 7 * (week - 2) >= cohort
"""

STEPS = ", ".join(f"event_name = '{name}'" for name in FUNNEL)
FUNNEL_STEPS = f"""
    with
    levels as (
        select user_id,
            windowFunnel({WINDOW_DAYS * 86400 * 1_000_000})(
                toUInt64(toUnixTimestamp64Micro(event_time)), {STEPS}
            ) as level
        from events
        where event_name in ({", ".join(f"'{name}'" for name in FUNNEL)})
        group by user_id
        having level > 0
    )
    select {SLICE}, step as step_number, count() as users
    from (
        select arrayJoin(range(1, levels.level + 1)) as step, {SLICES}
        from levels inner join users on levels.user_id = users.user_id
    )
    group by segment, segment_value, step_number
"""

DATES = ", ".join(f"toDate('{day}')" for day in AS_OF_DATES)
FEATURES = f"""
    with
    gaps as (
        select user_id, event_name, event_time,
            toUnixTimestamp64Micro(event_time) - toUnixTimestamp64Micro(
                lagInFrame(event_time, 1, toDateTime64('1970-01-02', 6)) over (
                    partition by user_id order by event_time
                    rows between unbounded preceding and current row
                )
            ) > {SESSION_GAP_SECONDS * 1_000_000} as starts_session
        from events
    ),
    in_sessions as (
        select user_id, event_name, toDate(event_time) as day,
            sum(starts_session) over (
                partition by user_id order by event_time
                rows between unbounded preceding and current row
            ) as session
        from gaps
    ),
    session_days as (
        select user_id, session, day, count() as events,
            groupUniqArray(event_name) as names
        from in_sessions
        where event_name != '{PASSIVE}'
        group by user_id, session, day
    ),
    started as (
        select user_id, day, events, names,
            day = min(day) over (partition by user_id, session) as starts
        from session_days
    ),
    user_days as (
        select user_id, day, sum(events) as events, sum(starts) as sessions,
            groupUniqArrayArray(names) as names
        from started
        group by user_id, day
    ),
    seen as (
        select user_id, day, events, sessions, names,
            arrayJoin(arrayFilter(
                as_of -> as_of >= day and as_of < day + {LOOKBACK_DAYS}, [{DATES}]
            )) as as_of
        from user_days
    )
    select user_id, toDate32(as_of) as as_of_date,
        as_of - max(day) as recency_days,
        count() as active_days_28,
        sum(events) as events_28,
        sum(sessions) as sessions_28,
        uniqExactArray(names) as distinct_events_28
    from seen
    group by user_id, as_of
"""

QUERIES = {
    "lifecycle": LIFECYCLE,
    "active_users": ACTIVE_USERS,
    "retention": RETENTION,
    "funnel": FUNNEL_STEPS,
    "features": FEATURES,
}
