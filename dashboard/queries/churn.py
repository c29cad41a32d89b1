"""Who is likely to leave, and how far to trust that."""

from __future__ import annotations

from datetime import date

from dashboard.queries.common import (
    SMALL_GROUP,
    Result,
    Slice,
    ask,
    cached,
    listed_users,
)
from dashboard.warehouse import Build

_SCORED = """
    scored as (
        select churn_scores.*
        from churn_scores
        inner join user_segment_values using (user_id)
        where segment = $segment and list_contains($values, segment_value)
    )
"""

# The numbers inside a reason differ from user to user and are left out.
_KINDS_OF_REASONS = """
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
    )
"""

# Who is looked at in the newest window that has closed.
_LABELS = """
    newest as (
        select max(as_of_date) as as_of_date from churn_labels where is_closed
    ),

    labels as (
        select churn_labels.*
        from churn_labels
        inner join newest using (as_of_date)
        inner join user_segment_values using (user_id)
        where segment = $segment and list_contains($values, segment_value)
    )
"""


@cached
def risk_summary(build: Build, chosen: Slice) -> Result:
    """One row: users scored, by band, the mean probability, and of which days it is."""
    return ask(
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
def risk_distribution(build: Build, chosen: Slice) -> Result:
    """Users by risk in steps of five points: risk_from, risk_band, users."""
    return ask(
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
) -> Result:
    """Scored users, the highest risk first, with their reasons; at most `limit`."""
    return ask(
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
def reasons(build: Build, chosen: Slice) -> Result:
    """What raises the risk, counted: the share of users with it among their top three."""
    return ask(
        build,
        f"""
        with {_SCORED},

        {_KINDS_OF_REASONS},

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
def behaviors(build: Build, chosen: Slice) -> Result:
    """Who was gone by the end of the newest closed window, with and without each event.

    Columns: event_name, users, gone_with, gone_without, difference, as_of_date,
    label_end_date, each group of at least SMALL_GROUP users.
    """
    return ask(
        build,
        f"""
        with {_LABELS},

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
def users_at(build: Build, chosen: Slice, risk_from: float) -> Result:
    """Who has a risk within one step of the distribution."""
    return listed_users(
        build,
        f"""
        with {_SCORED}

        select user_id, churn_probability * 100 as risk, risk_band
        from scored
        where least(floor(churn_probability * 20), 19) / 20 = $risk_from
        """,
        {**chosen.who, "risk_from": risk_from},
    )


@cached
def users_with_reason(
    build: Build, chosen: Slice, reason: str, is_high: bool
) -> Result:
    """High-risk or other users who have a reason among their top three."""
    return listed_users(
        build,
        f"""
        with {_SCORED},

        {_KINDS_OF_REASONS}

        select user_id, churn_probability * 100 as risk, risk_band
        from scored
        inner join kinds using (user_id)
        where kinds.reason = $reason and kinds.is_high = $is_high
        """,
        {**chosen.who, "reason": reason, "is_high": is_high},
    )


@cached
def users_by_behavior(
    build: Build, chosen: Slice, event_name: str, did_it: bool, is_churned: bool
) -> Result:
    """Who did or did not do something, and was gone or not when the window closed."""
    return listed_users(
        build,
        f"""
        with {_LABELS}

        select labels.user_id, coalesce(usage.events_28, 0) as times
        from labels
        left join user_event_usage as usage
            on labels.user_id = usage.user_id
            and labels.as_of_date = usage.as_of_date
            and usage.event_name = $event_name
        where (coalesce(usage.events_28, 0) > 0) = $did_it
            and labels.is_churned = $is_churned
        """,
        {
            **chosen.who,
            "event_name": event_name,
            "did_it": did_it,
            "is_churned": is_churned,
        },
    )


@cached
def users_of_outcome(
    build: Build, as_of_date: date, risk_band: str, is_churned: bool
) -> Result:
    """Whom an earlier build scored, and who of them was gone or not."""
    return listed_users(
        build,
        """
        select user_id, churn_probability * 100 as risk, days_to_return
        from churn_score_outcomes
        where as_of_date = $as_of_date::date
            and risk_band = $risk_band
            and is_churned = $is_churned
        """,
        {"as_of_date": as_of_date, "risk_band": risk_band, "is_churned": is_churned},
    )


@cached
def model_metrics(build: Build) -> Result:
    """How good the model is on the test dates pooled, beside simpler rules."""
    return ask(
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
def test_dates(build: Build) -> Result:
    """Splits of the model's test, each a date that the model had not seen."""
    return ask(
        build,
        """
        select distinct split
        from churn_model_metrics
        where regexp_matches(split, '^test [0-9]')
        order by split
        """,
        {},
    )


@cached
def calibration(build: Build) -> Result:
    """Tenths of the test scores: what was predicted, and the share that was gone."""
    return ask(
        build,
        """
        select bin, rows, users, predicted_rate, churned_rate, ci_low, ci_high
        from churn_calibration
        where split = 'test' and model = 'shipped'
        order by bin
        """,
        {},
    )


@cached
def thresholds(build: Build) -> Result:
    """What contacting the riskiest 1 to 100 % of the test's users would have given."""
    return ask(
        build,
        """
        select *
        from churn_thresholds
        order by contacted_percent
        """,
        {},
    )


@cached
def choice(build: Build) -> Result:
    """Every candidate, simplest first, and why it is or is not the model."""
    return ask(
        build,
        """
        select *
        from churn_model_choice
        order by complexity
        """,
        {},
    )


@cached
def drift(build: Build) -> Result:
    """How far each feature has moved from what the model learned from."""
    return ask(
        build,
        """
        select feature, psi, psi_by_chance, status, needs_attention
        from churn_drift
        order by needs_attention desc, psi desc nulls last, feature
        """,
        {},
    )


@cached
def outcomes(build: Build) -> Result:
    """What earlier builds said, and what came of it, by date and band."""
    return ask(
        build,
        """
        select
            as_of_date,
            risk_band,
            count(*) as users,
            avg(churn_probability) as predicted_rate,
            avg(is_churned::integer) as churned_rate,
            wilson_low(count(*) filter (is_churned), count(*)) as ci_low,
            wilson_high(count(*) filter (is_churned), count(*)) as ci_high
        from churn_score_outcomes
        group by as_of_date, risk_band
        order by as_of_date, predicted_rate
        """,
        {},
    )


@cached
def survival(build: Build, segment: str, values: tuple[str, ...]) -> Result:
    """The share of users not yet back, by day after they were looked at."""
    return ask(
        build,
        """
        select
            segment_value,
            day,
            at_risk_users,
            returned_rate,
            1 - ci_high as ci_low,
            1 - ci_low as ci_high
        from survival_curves
        where segment = $segment and list_contains($values, segment_value)
        order by segment_value, day
        """,
        {"segment": segment, "values": list(values)},
    )
