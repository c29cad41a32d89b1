"""How many people use the product, and how often."""

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import charts, filters, layout, state, wording
from dashboard.queries import Slice, lifecycle, overview

SPARK_DAYS = 56
COUNTS = {
    "dau": ("Daily active users", "a week", "on the day"),
    "wau": ("Weekly active users", "a week", "on the day or the 6 before"),
    "mau": ("Monthly active users", "4 weeks", "on the day or the 27 before"),
    "new_users": ("New users", "a week", "on the day, for the first time ever"),
    "returning_users": (
        "Returning users",
        "a week",
        "on the day and the one before",
    ),
}
MEANS = {
    "Stickiness": "daily_active.stickiness",
    **{label: f"daily_active.{measure}" for measure, (label, *_) in COUNTS.items()},
    "Activation": "activation.is_activated",
}


def tile(label: str, value: str, rows: pd.Series, **more: str | None) -> None:
    """One number, its change, and how it came there."""
    st.metric(
        label,
        value,
        height="stretch",
        chart_data=[float(number) for number in rows.dropna()] or None,
        chart_type="area",
        **more,
    )


def tiles(days: pd.DataFrame, weeks: pd.DataFrame) -> None:
    """The numbers of the last complete day, and of the last week of sign-ups."""
    last, recent = days.iloc[-1], days.tail(SPARK_DAYS)
    for measure, (label, before, meaning) in COUNTS.items():
        tile(
            label,
            wording.count(last[measure]),
            recent[measure],
            delta=wording.change(last[f"{measure}_change"]),
            delta_description=before,
            help=f"Distinct users active {meaning}.",
        )
    tile(
        "Stickiness",
        wording.percent(last["stickiness"]),
        recent["stickiness"],
        delta=wording.points(last["stickiness_change"]),
        delta_description="4 weeks",
        help="Daily active users averaged over 28 days, as a share of the monthly active "
        "users of the same days.",
    )
    week = weeks.iloc[-1] if len(weeks) else {}
    tile(
        "Activation",
        wording.percent(week.get("activation_rate")),
        weeks["activation_rate"],
        delta=wording.points(week.get("activation_change")),
        delta_description="a week",
        help="Share of the users who signed up in a week and were activated in time. "
        + (
            f"The week of {wording.day(week['period_start'])} "
            f"({wording.counted(week['signed_up_users'], 'sign-up')}) is the newest in "
            "which everybody has had their time."
            if len(weeks)
            else "No week of sign-ups has had its time yet."
        ),
    )


def users_of(chosen: Slice, days: pd.DataFrame, weeks: pd.DataFrame) -> layout.Users:
    """Who is behind the tiles."""
    day = days["activity_date"].iloc[-1].date()
    listed = {
        f"Active {COUNTS[measure][2]}": partial(
            overview.active_users_listed, build, chosen, day, length
        )
        for measure, length in (("dau", 1), ("wau", 7), ("mau", 28))
    } | {
        f"{name.title()} on the day": partial(
            lifecycle.users_in_state, build, chosen, "day", day, name
        )
        for name in ("new", "returning", "resurrected", "dormant")
    }
    if len(weeks):
        week = weeks["period_start"].iloc[-1].date()
        for is_activated, outcome in ((True, "activated"), (False, "not activated")):
            listed[f"Signed up in the week of {wording.day(week)}, {outcome}"] = (
                partial(overview.signed_up_listed, build, chosen, week, is_activated)
            )
    return layout.Users(lambda ask: ask(), {"Who": listed})


build = layout.build_of_page()
selection = filters.bar(build, dates_of="Days")
days = [overview.headline(build, chosen) for chosen in selection.slices]
if any(result.rows.empty for result in days):
    layout.nothing_selected()
    st.stop()

weeks = [overview.activation(build, chosen, False) for chosen in selection.slices]
for chosen, by_day, by_week in zip(
    layout.side_by_side(selection), days, weeks, strict=True
):
    closed = by_week.rows[by_week.rows["is_matured"]]
    last_day = by_day.rows["activity_date"].iloc[-1]
    with layout.panel(
        f"{wording.weekday(last_day)}, the last complete day",
        f"Numbers of {layout.whom(chosen)}, against the period before.",
    ) as panel:
        panel.about(
            (by_day, by_week), MEANS, users=users_of(chosen, by_day.rows, closed)
        )
        with st.grid(len(MEANS), min_column_width=140):
            tiles(by_day.rows, closed)

by_day = layout.figures(
    selection,
    lambda chosen: overview.active_users(build, chosen, False),
    charts.overview.active_users,
)
for _, (result, figure) in zip(layout.side_by_side(selection), by_day, strict=True):
    with layout.panel(
        "Active users by day",
        "Distinct users of the day, of the trailing 7 days and of the trailing 28.",
    ) as panel:
        panel.about(result, {label: MEANS[label] for label, *_ in COUNTS.values()})
        layout.draw(
            figure, "Daily, weekly and monthly active users by day", "active_users"
        )

left, right = st.columns(2)
with left, layout.panel("Engagement compared") as panel:
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
    lines = filters.lines(selection, build)
    compared = layout.compared(lines, partial(overview.active_users, build))
    label = charts.overview.MEASURES[measure]
    panel.about(compared.results, {label: f"daily_active.{measure}"})
    st.caption(
        "Each user has one value for life, so counts of values add up to everyone; "
        f"stickiness is a share and does not.{layout.left_out(lines)}"
    )
    if not compared.is_empty:
        layout.draw(
            charts.overview.measure(compared.rows, measure),
            f"{label} by day",
            "measure",
        )
level = layout.level(build)
with (
    right,
    layout.panel(
        "Activation by week of sign-up",
        "Share of the users who signed up in a week and were activated in time, of those "
        "who have had their time.",
    ) as panel,
):
    compared = layout.compared(
        filters.lines(selection, build, ask=False), partial(overview.activation, build)
    )
    panel.about(compared.results, {"Activated": MEANS["Activation"]})
    if compared.is_empty:
        st.caption("Nobody signed up in these days.")
    else:
        layout.draw(
            charts.overview.activation(compared.rows, level),
            "Share of users activated by week of sign-up",
            "activation",
        )
