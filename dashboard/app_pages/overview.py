"""How many people use the product, how often, and what of it."""

import pandas as pd
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording

SPARK_DAYS = 56
SHARES = (
    "adoption_rate",
    "repeat_rate",
    "retained_with_rate",
    "retained_without_rate",
    "difference",
)


def tile(
    label: str, value: str, rows: pd.Series, **options: str | float | None
) -> None:
    """One number of the last complete day, its change, and how it came there."""
    st.metric(
        label,
        value,
        border=True,
        height="stretch",
        chart_data=[float(number) for number in rows.dropna()] or None,
        chart_type="area",
        **options,
    )


build = layout.build_of_page()
selection = filters.bar(
    build, dates_of="Days", periods=("day", "week", "month"), has_versus=False
)
chosen, period = selection.chosen, selection.period

days = queries.overview.headline(build, chosen).rows
if days.empty:
    layout.nothing_selected()
    st.stop()

last = days.iloc[-1]
weeks = queries.overview.activation_by_week(build, chosen).rows
week = weeks.iloc[-1] if len(weeks) else None
recent = days.tail(SPARK_DAYS)
st.caption(
    f"{wording.weekday(last['activity_date'])}, the last complete day, "
    f"for {layout.whom(selection)}."
)
with st.grid(6, min_column_width=180):
    tile(
        "Daily active users",
        wording.count(last["dau"]),
        recent["dau"],
        delta=wording.change(last["dau_change"]),
        delta_description="in a week",
        help="Distinct users active on the day, against the same weekday before.",
    )
    tile(
        "Weekly active users",
        wording.count(last["wau"]),
        recent["wau"],
        delta=wording.change(last["wau_change"]),
        delta_description="in a week",
        help="Distinct users active on the day or the 6 days before.",
    )
    tile(
        "Monthly active users",
        wording.count(last["mau"]),
        recent["mau"],
        delta=wording.change(last["mau_change"]),
        delta_description="in 4 weeks",
        help="Distinct users active on the day or the 27 days before: four whole "
        "weeks, so that each weekday counts alike.",
    )
    tile(
        "Stickiness",
        wording.percent(last["stickiness"]),
        recent["stickiness"],
        delta=wording.points(last["stickiness_change"]),
        delta_description="in 4 weeks",
        help="Daily active users averaged over 28 days, as a share of the monthly "
        "active users of the same days.",
    )
    tile(
        "New users",
        wording.count(last["new_users"]),
        recent["new_users"],
        delta=wording.change(last["new_users_change"]),
        delta_description="in a week",
        help="Users whose first active day it was.",
    )
    tile(
        "Activation",
        wording.percent(week["activation_rate"])
        if week is not None
        else wording.NOT_KNOWN,
        weeks["activation_rate"],
        delta=wording.points(week["activation_change"]) if week is not None else None,
        delta_description="in a week",
        help="Share of the users who signed up in a week and were activated in time. "
        + (
            f"The week of {wording.day(week['week_start'])} "
            f"({wording.counted(week['signed_up_users'], 'sign-up')}) is the newest "
            "in which everybody has had their time."
            if week is not None
            else "No week of sign-ups has had its time yet."
        ),
    )

by_day = queries.overview.active_users(build, chosen, by_value=False)
with layout.panel(
    "Active users by day",
    "Distinct users of the day, of the trailing 7 days and of the trailing 28 days.",
    of=by_day,
    means={
        label: f"daily_active.{measure}"
        for measure, label in charts.overview.MEASURES.items()
    },
):
    layout.draw(
        charts.overview.active_users(by_day.rows),
        "Daily, weekly and monthly active users by day",
        key="active_users",
    )

states = queries.lifecycle.lifecycle(build, chosen, period)
left, right = st.columns(2)
with (
    left,
    layout.panel(
        "Where active users come from, and how many go",
        "Returning were active in the period before, too; resurrected only earlier; "
        "dormant were active in the period before and not in this, which is known when "
        "it is over.",
        of=states,
    ),
):
    layout.draw(
        charts.lifecycle.lifecycle(states.rows, period),
        "New, returning, resurrected and dormant users by period",
        key="lifecycle",
    )
with (
    right,
    layout.panel(
        "Engagement by segment",
        "Each user has one value for life, so the lines of a segment add up to "
        "everyone; stickiness is a share and does not.",
    ),
):
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        compared, values = filters.by_segment(selection, build)
        measure = state.choose(
            st.segmented_control,
            "Measure",
            "measure",
            list(charts.overview.MEASURES),
            "wau",
            required=True,
            format_func=lambda text: text.upper() if len(text) == 3 else "Stickiness",
            label_visibility="collapsed",
        )
    layout.draw(
        charts.overview.measure_by_value(
            queries.overview.active_users(build, compared, by_value=True).rows,
            measure,
            values,
        ),
        f"{charts.overview.MEASURES[measure]} by day and segment",
        key="by_segment",
    )

features_period = "month" if period == "month" else "week"
used = queries.features.features(build, chosen, features_period)
features = used.rows
title = f"Features used in a {features_period}, and who came back in the next"
if features.empty:
    with layout.panel(title):
        st.caption(
            f"No {features_period} in these days is followed by another complete one."
        )
    st.stop()
with layout.panel(
    title,
    f"The {features_period} of {wording.day(features['period_start'].iloc[0])}, the "
    f"newest whose next {features_period} is over. Coming back goes with a feature and "
    "need not be its doing: heavy users do more of everything.",
    of=used,
):
    st.dataframe(
        features.assign(
            event_name=features["event_name"].map(wording.name),
            **{column: features[column] * 100 for column in SHARES},
        ),
        hide_index=True,
        height="content" if len(features) <= 12 else 458,
        alt="Features with their users, adoption and retention",
        column_order=[
            "event_name",
            "users",
            "adoption_rate",
            "repeat_rate",
            "events_per_user",
            "retained_with_rate",
            "retained_without_rate",
            "difference",
        ],
        column_config={
            "event_name": st.column_config.TextColumn("Feature", pinned=True),
            "users": st.column_config.NumberColumn("Users", format="localized"),
            "adoption_rate": st.column_config.ProgressColumn(
                "Adoption",
                format="%.1f%%",
                min_value=0,
                max_value=100,
                help="Share of active users who used it.",
            ),
            "repeat_rate": st.column_config.NumberColumn(
                "Used again",
                format="%.1f%%",
                help="Share of its users who used it on two or more days.",
            ),
            "events_per_user": st.column_config.NumberColumn(
                "Times per user", format="%.1f"
            ),
            "retained_with_rate": st.column_config.NumberColumn(
                "Came back, with",
                format="%.1f%%",
                help="Share of its users who were active in the next period.",
            ),
            "retained_without_rate": st.column_config.NumberColumn(
                "Came back, without",
                format="%.1f%%",
                help="The same share among active users who did not use it.",
            ),
            "difference": st.column_config.NumberColumn(
                "Difference (points)",
                format="%+.1f",
                help="In percentage points: an association, not an effect.",
            ),
        },
    )
