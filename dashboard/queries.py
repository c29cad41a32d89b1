"""One typed function per chart, over the published marts.

Every function takes the build, which keys its cache, and returns rows ready to draw.
Users have one value per segment, so counts of several values add up, and rates are
made of sums. Parameters are bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, ParamSpec

import pandas as pd
import streamlit as st

from dashboard.warehouse import Build, query

Period = Literal["day", "week", "month"]
Arguments = ParamSpec("Arguments")

CACHED_RESULTS = 200
# Groups below this are noise when their rates are compared.
SMALL_GROUP = 20
# As var confidence_level_z of the marts: 95 %.
CONFIDENCE_Z = 1.959963984540054


class Slice(NamedTuple):
    """What the filters select: days, both included, and values of one segment."""

    start: date
    end: date
    segment: str
    values: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, **self.who}

    @property
    def who(self) -> dict[str, Any]:
        return {"segment": self.segment, "values": list(self.values)}


def cached(
    function: Callable[Arguments, pd.DataFrame],
) -> Callable[Arguments, pd.DataFrame]:
    """Caches by arguments: the build, and what the filters select."""
    return st.cache_data(show_spinner=False, max_entries=CACHED_RESULTS)(function)


def _wilson(successes: str, trials: str) -> str:
    """Both ends of the Wilson score interval, named ci_low and ci_high."""
    z2 = CONFIDENCE_Z**2
    centre = f"({successes} + {z2 / 2})"
    spread = (
        f"{CONFIDENCE_Z} * sqrt({successes} * ({trials} - {successes})"
        f" / {trials} + {z2 / 4})"
    )
    return f"""
        case when {trials} > 0
            then greatest(0.0, ({centre} - {spread}) / ({trials} + {z2})) end as ci_low,
        case when {trials} > 0
            then least(1.0, ({centre} + {spread}) / ({trials} + {z2})) end as ci_high
    """


# --- The build ------------------------------------------------------------------------


@cached
def build_info(build: Build) -> pd.DataFrame:
    """One row: as of when, built when, how many tests passed, and the days known."""
    return query(
        build,
        """
        select
            build_info.*,
            (select min(activity_date) from daily_active) as first_day,
            (select max(activity_date) from daily_active) as last_day
        from build_info
        """,
        {},
    )


@cached
def segments(build: Build) -> pd.DataFrame:
    """Segments and their values: the largest first, users without one last."""
    return query(
        build,
        """
        select segment, segment_value
        from daily_active
        where segment <> 'all'
        group by segment, segment_value
        order by segment, segment_value = '(not set)', max(mau) desc, segment_value
        """,
        {},
    )


# --- Overview -------------------------------------------------------------------------


@cached
def headline(build: Build, chosen: Slice) -> pd.DataFrame:
    """Complete days with their numbers and how they changed, oldest first.

    Days are compared with the same weekday a week before, MAU and stickiness with the
    28 days before theirs. What has no full window is NULL.
    """
    return query(
        build,
        """
        with days as (
            select
                activity_date,
                sum(dau)::bigint as dau,
                case when bool_and(is_full_window_wau) then sum(wau)::bigint end as wau,
                case when bool_and(is_full_window_mau) then sum(mau)::bigint end as mau,
                case
                    when bool_and(is_full_window_mau)
                        then sum(stickiness * mau) / nullif(sum(mau), 0)
                end as stickiness,
                sum(new_users)::bigint as new_users
            from daily_active
            where segment = $segment
                and list_contains($values, segment_value)
                and is_complete
                and activity_date <= $end
            group by activity_date
        ),

        changes as (
            select
                *,
                dau / nullif(lag(dau, 7) over by_day, 0) - 1 as dau_change,
                wau / nullif(lag(wau, 7) over by_day, 0) - 1 as wau_change,
                mau / nullif(lag(mau, 28) over by_day, 0) - 1 as mau_change,
                stickiness - lag(stickiness, 28) over by_day as stickiness_change,
                new_users / nullif(lag(new_users, 7) over by_day, 0) - 1
                    as new_users_change
            from days
            window by_day as (order by activity_date)
        )

        select * from changes where activity_date >= $start order by activity_date
        """,
        chosen.parameters,
    )


@cached
def activation_by_week(build: Build, chosen: Slice) -> pd.DataFrame:
    """Weeks of sign-up whose windows have all closed, oldest first.

    Columns: week_start, signed_up_users, activated_users, activation_rate, change from
    the week before, ci_low, ci_high.
    """
    return query(
        build,
        f"""
        with signed_up as (
            select
                date_trunc('week', timezone(
                    (select timezone from build_info), timezone('UTC', signed_up_at)
                ))::date as week_start,
                is_activated,
                is_matured
            from activation
            inner join user_segment_values using (user_id)
            where segment = $segment and list_contains($values, segment_value)
        ),

        weeks as (
            select
                week_start,
                count(*) as signed_up_users,
                count(*) filter (is_activated) as activated_users
            from signed_up
            group by week_start
            having bool_and(is_matured)
        ),

        rates as (
            select
                *,
                activated_users / signed_up_users as activation_rate,
                {_wilson("activated_users", "signed_up_users")}
            from weeks
        ),

        changes as (
            select
                *,
                activation_rate - lag(activation_rate) over (order by week_start)
                    as activation_change
            from rates
        )

        select *
        from changes
        where week_start between date_trunc('week', $start) and $end - 6
        order by week_start
        """,
        chosen.parameters,
    )


@cached
def active_users(build: Build, chosen: Slice, by_value: bool) -> pd.DataFrame:
    """DAU, WAU, MAU and stickiness by day, of all chosen values together or of each."""
    return query(
        build,
        """
        select
            activity_date,
            case when $by_value then segment_value else 'all' end as segment_value,
            sum(dau)::bigint as dau,
            sum(wau)::bigint as wau,
            sum(mau)::bigint as mau,
            sum(stickiness * mau) / nullif(sum(mau), 0) as stickiness,
            bool_and(is_complete) as is_full_dau,
            bool_and(is_complete and is_full_window_wau) as is_full_wau,
            bool_and(is_complete and is_full_window_mau) as is_full_mau,
            bool_and(is_complete and is_full_window_mau) as is_full_stickiness
        from daily_active
        where segment = $segment
            and list_contains($values, segment_value)
            and activity_date between $start and $end
        group by all
        order by segment_value, activity_date
        """,
        {**chosen.parameters, "by_value": by_value},
    )


@cached
def lifecycle(build: Build, chosen: Slice, period: Period) -> pd.DataFrame:
    """New, returning, resurrected and dormant users by period."""
    return query(
        build,
        """
        select
            period_start,
            sum(new_users)::bigint as new_users,
            sum(returning_users)::bigint as returning_users,
            sum(resurrected_users)::bigint as resurrected_users,
            sum(dormant_users)::bigint as dormant_users,
            bool_and(is_complete) as is_complete
        from lifecycle
        where period = $period
            and segment = $segment
            and list_contains($values, segment_value)
            and period_start between date_trunc($period, $start) and $end
        group by period_start
        order by period_start
        """,
        {**chosen.parameters, "period": period},
    )


@cached
def features(build: Build, chosen: Slice, period: Period) -> pd.DataFrame:
    """Who used what in the newest period of which one knows who came back after it."""
    return query(
        build,
        """
        with usage as (
            select *
            from feature_usage
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
        ),

        newest as (
            select max(period_start) as period_start
            from usage
            where is_complete and is_next_complete
                and period_start between date_trunc($period, $start) and $end
        ),

        newest_usage as (
            select usage.* from usage inner join newest using (period_start)
        ),

        actives_by_value as (
            select
                segment_value,
                max(active_users) as active_users,
                max(retained_active_users) as retained_active_users
            from newest_usage
            group by segment_value
        ),

        actives as (
            select
                sum(active_users)::bigint as active_users,
                sum(retained_active_users)::bigint as retained_active_users
            from actives_by_value
        ),

        counted as (
            select
                period_start,
                event_name,
                sum(users)::bigint as users,
                sum(repeat_users)::bigint as repeat_users,
                sum(events)::bigint as events,
                sum(retained_users)::bigint as retained_users
            from newest_usage
            group by period_start, event_name
        ),

        rates as (
            select
                counted.*,
                actives.active_users,
                users / nullif(actives.active_users, 0) as adoption_rate,
                repeat_users / nullif(users, 0) as repeat_rate,
                events / nullif(users, 0) as events_per_user,
                retained_users / nullif(users, 0) as retained_with_rate,
                (retained_active_users - retained_users)
                    / nullif(actives.active_users - users, 0) as retained_without_rate
            from counted
            cross join actives
        )

        select *, retained_with_rate - retained_without_rate as difference
        from rates
        order by users desc, event_name
        """,
        {**chosen.parameters, "period": period},
    )


# --- Funnels --------------------------------------------------------------------------


@cached
def funnels(build: Build) -> pd.DataFrame:
    """Names of the funnels and their number of steps."""
    return query(
        build,
        """
        select funnel, max(step_number) as steps
        from funnel_steps
        where segment = 'all'
        group by funnel
        order by steps desc, funnel
        """,
        {},
    )


@cached
def funnel_steps(
    build: Build, funnel: str, chosen: Slice, by_value: bool
) -> pd.DataFrame:
    """A funnel step by step, over the users who entered it on the chosen days.

    A user counts with the attempt that went deepest, then the earliest, of those that
    began in the range. Shares are of all who entered; the matured ones and their
    interval of those whose window has closed.
    """
    return query(
        build,
        f"""
        with attempts as (
            select user_id, deepest_step, step_times, is_matured
            from funnel_attempts
            where funnel = $funnel and entry_date between $start and $end
            qualify row_number() over (
                partition by user_id order by deepest_step desc, attempt_number
            ) = 1
        ),

        steps as (
            select distinct step_number, step_name
            from funnel_steps
            where funnel = $funnel and segment = 'all'
        ),

        attempt_steps as (
            select
                case when $by_value then segment_value else 'all' end as segment_value,
                step_number,
                step_name,
                is_matured,
                deepest_step >= step_number as is_reached,
                deepest_step >= step_number - 1 as is_previous_reached,
                case
                    when is_reached and step_number > 1 then
                        epoch_us(step_times[step_number]) / 1e6
                        - epoch_us(step_times[step_number - 1]) / 1e6
                end as seconds_from_previous
            from attempts
            inner join user_segment_values using (user_id)
            cross join steps
            where segment = $segment and list_contains($values, segment_value)
        ),

        counted as (
            select
                segment_value,
                step_number,
                step_name,
                count(*) as entered_users,
                count(*) filter (is_reached) as users,
                count(*) filter (is_previous_reached and not is_reached and is_matured)
                    as dropped_users,
                count(*) filter (
                    is_previous_reached and not is_reached and not is_matured
                ) as pending_users,
                count(*) filter (is_matured) as matured_entrants,
                count(*) filter (is_matured and is_reached) as matured_users,
                count(*) filter (is_matured and is_previous_reached)
                    as matured_previous_users,
                quantile_cont(seconds_from_previous, 0.5)
                    as median_seconds_from_previous,
                quantile_cont(seconds_from_previous, 0.9) as p90_seconds_from_previous
            from attempt_steps
            group by segment_value, step_number, step_name
        )

        select
            *,
            users / entered_users as conversion_from_start,
            users / nullif(users + dropped_users + pending_users, 0)
                as conversion_from_previous,
            dropped_users / entered_users as dropped_share,
            pending_users / entered_users as pending_share,
            matured_users / nullif(matured_entrants, 0) as matured_conversion,
            {_wilson("matured_users", "matured_entrants")}
        from counted
        order by segment_value, step_number
        """,
        {**chosen.parameters, "funnel": funnel, "by_value": by_value},
    )


@cached
def funnel_drop_out(build: Build, funnel: str, chosen: Slice) -> pd.DataFrame:
    """Of those who reached a step and had their time: the share that went no further.

    One row per segment value and step after the first, with its interval.
    """
    return query(
        build,
        f"""
        with attempts as (
            select user_id, deepest_step
            from funnel_attempts
            where funnel = $funnel and entry_date between $start and $end
            qualify row_number() over (
                partition by user_id order by deepest_step desc, attempt_number
            ) = 1 and is_matured
        ),

        steps as (
            select
                step_number,
                step_name,
                lag(step_name) over (order by step_number) as previous_step_name
            from funnel_steps
            where funnel = $funnel and segment = 'all'
        ),

        counted as (
            select
                segment_value,
                step_number,
                step_name,
                previous_step_name,
                count(*) as reached_users,
                count(*) filter (deepest_step < step_number) as stopped_users
            from attempts
            inner join user_segment_values using (user_id)
            inner join steps on attempts.deepest_step >= steps.step_number - 1
            where step_number > 1
                and segment = $segment
                and list_contains($values, segment_value)
            group by all
        )

        select
            *,
            stopped_users / nullif(reached_users, 0) as stopped_rate,
            {_wilson("stopped_users", "reached_users")}
        from counted
        order by segment_value, step_number
        """,
        {**chosen.parameters, "funnel": funnel},
    )


# --- Retention ------------------------------------------------------------------------


@cached
def retention_cells(
    build: Build, period: Period, chosen: Slice, is_on_or_after: bool
) -> pd.DataFrame:
    """Cohort by period: cohort_users, retained_users, retention_rate, is_complete."""
    return query(
        build,
        """
        with cells as (
            select
                cohort_start,
                period_number,
                sum(cohort_users)::bigint as cohort_users,
                sum(
                    case
                        when $is_on_or_after then retained_on_or_after_users
                        else retained_users
                    end
                )::bigint as retained_users,
                bool_and(is_complete) as is_complete
            from cohort_retention
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
                and cohort_start between date_trunc($period, $start) and $end
            group by cohort_start, period_number
        )

        select *, retained_users / nullif(cohort_users, 0) as retention_rate
        from cells
        where cohort_users > 0
        order by cohort_start, period_number
        """,
        {**chosen.parameters, "period": period, "is_on_or_after": is_on_or_after},
    )


@cached
def retention_curve(
    build: Build, period: Period, chosen: Slice, is_on_or_after: bool, by_value: bool
) -> pd.DataFrame:
    """The chosen cohorts pooled, over complete cells only, with a Wilson interval."""
    return query(
        build,
        f"""
        with pooled as (
            select
                case when $by_value then segment_value else 'all' end as segment_value,
                period_number,
                count(distinct cohort_start) as cohorts,
                sum(cohort_users)::bigint as cohort_users,
                sum(
                    case
                        when $is_on_or_after then retained_on_or_after_users
                        else retained_users
                    end
                )::bigint as retained_users
            from cohort_retention
            where period = $period
                and segment = $segment
                and list_contains($values, segment_value)
                and cohort_start between date_trunc($period, $start) and $end
                and is_complete
                and cohort_users > 0
            group by all
        )

        select
            *,
            retained_users / nullif(cohort_users, 0) as retention_rate,
            {_wilson("retained_users", "cohort_users")}
        from pooled
        order by segment_value, period_number
        """,
        {
            **chosen.parameters,
            "period": period,
            "is_on_or_after": is_on_or_after,
            "by_value": by_value,
        },
    )


# --- Churn ----------------------------------------------------------------------------

_SCORED = """
    scored as (
        select churn_scores.*
        from churn_scores
        inner join user_segment_values using (user_id)
        where segment = $segment and list_contains($values, segment_value)
    )
"""


@cached
def risk_summary(build: Build, chosen: Slice) -> pd.DataFrame:
    """One row: users scored, by band, the mean probability, and of which days it is."""
    return query(
        build,
        f"""
        with {_SCORED}

        select
            count(*) as users,
            count(*) filter (risk_band = 'high') as high_users,
            count(*) filter (risk_band = 'medium') as medium_users,
            count(*) filter (risk_band = 'low') as low_users,
            count(*) filter (is_new_user) as new_users,
            avg(churn_probability) as mean_probability,
            max(as_of_date) as as_of_date,
            (select max(label_end_date - as_of_date) from churn_labels) as horizon_days
        from scored
        """,
        chosen.who,
    )


@cached
def risk_distribution(build: Build, chosen: Slice) -> pd.DataFrame:
    """Users by risk in steps of five points: risk_from, risk_band, users."""
    return query(
        build,
        f"""
        with {_SCORED}

        select
            least(floor(churn_probability * 20), 19) / 20 as risk_from,
            risk_band,
            count(*) as users
        from scored
        where churn_probability is not null
        group by all
        order by risk_from, risk_band
        """,
        chosen.who,
    )


@cached
def users_at_risk(
    build: Build, chosen: Slice, bands: tuple[str, ...], search: str, limit: int
) -> pd.DataFrame:
    """Scored users, the highest risk first, with their reasons; at most `limit`."""
    return query(
        build,
        f"""
        with {_SCORED}

        select
            user_id,
            churn_probability,
            risk_band,
            recency_days,
            active_days_28,
            top_reason_1,
            top_reason_2,
            top_reason_3,
            is_new_user
        from scored
        left join user_features using (user_id, as_of_date)
        where list_contains($bands, risk_band)
            and contains(lower(user_id), lower($search))
        order by churn_probability desc nulls last, user_id
        limit $limit
        """,
        {**chosen.who, "bands": list(bands), "search": search, "limit": limit},
    )


@cached
def reasons(build: Build, chosen: Slice) -> pd.DataFrame:
    """What raises the risk, counted: the share of users with it among their top three.

    The numbers inside a reason differ from user to user and are left out.
    """
    return query(
        build,
        f"""
        with {_SCORED},

        told as (
            select
                user_id,
                risk_band = 'high' as is_high,
                unnest([top_reason_1, top_reason_2, top_reason_3]) as reason
            from scored
        ),

        kinds as (
            select distinct
                user_id,
                is_high,
                regexp_replace(
                    regexp_replace(
                        regexp_replace(reason, ' \\(typical: .*\\)$', ''),
                        '(^|: | )[0-9][0-9.,]*( times| days?| events?)?( |$)',
                        '\\1N\\2\\3'
                    ),
                    '(N (day|time|event|session))( |$)', '\\1s\\3'
                ) as reason
            from told
            where reason is not null
        ),

        bands as (
            select
                count(*) filter (risk_band = 'high') as high_users,
                count(*) filter (risk_band <> 'high') as other_users
            from scored
        )

        select
            reason,
            count(*) as users,
            count(*) filter (is_high) as high_users,
            count(*) filter (is_high) / nullif(any_value(bands.high_users), 0)
                as high_share,
            count(*) filter (not is_high) / nullif(any_value(bands.other_users), 0)
                as other_share
        from kinds
        cross join bands
        group by reason
        order by high_share desc, users desc, reason
        limit 8
        """,
        chosen.who,
    )


@cached
def behaviors(build: Build, chosen: Slice) -> pd.DataFrame:
    """Who was gone by the end of the newest closed window, with and without each event.

    Columns: event_name, users, gone_with, gone_without, difference, as_of_date,
    label_end_date, each group of at least SMALL_GROUP users.
    """
    return query(
        build,
        """
        with newest as (
            select max(as_of_date) as as_of_date from churn_labels where is_closed
        ),

        labels as (
            select churn_labels.*
            from churn_labels
            inner join newest using (as_of_date)
            inner join user_segment_values using (user_id)
            where segment = $segment and list_contains($values, segment_value)
        ),

        everyone as (
            select count(*) as users, count(*) filter (is_churned) as gone_users
            from labels
        ),

        used as (
            select
                event_name,
                as_of_date,
                label_end_date,
                count(*) as users,
                count(*) filter (is_churned) as gone_users
            from labels
            inner join user_event_usage using (user_id, as_of_date)
            where events_28 > 0
            group by all
        ),

        rates as (
            select
                event_name,
                as_of_date,
                label_end_date,
                used.users,
                used.gone_users / used.users as gone_with,
                (everyone.gone_users - used.gone_users) / (everyone.users - used.users)
                    as gone_without
            from used
            cross join everyone
            where used.users >= $small and everyone.users - used.users >= $small
        )

        select *, gone_with - gone_without as difference
        from rates
        order by difference, event_name
        """,
        {**chosen.who, "small": SMALL_GROUP},
    )


@cached
def model_metrics(build: Build) -> pd.DataFrame:
    """How good the model is on the test dates pooled, beside simpler rules."""
    return query(
        build,
        """
        select model, metric, value, ci_low, ci_high, rows, base_rate
        from churn_model_metrics
        where split = 'test'
        order by metric, model
        """,
        {},
    )


@cached
def test_dates(build: Build) -> pd.DataFrame:
    """Splits of the model's test, each a date that the model had not seen."""
    return query(
        build,
        """
        select distinct split
        from churn_model_metrics
        where regexp_matches(split, '^test [0-9]')
        order by split
        """,
        {},
    )


def matching(rows: pd.DataFrame, **wanted: Mapping[str, Any]) -> pd.Series | None:
    """The one row with these values, or None."""
    for column, wanted_value in wanted.items():
        rows = rows[rows[column] == wanted_value]
    return None if rows.empty else rows.iloc[0]
