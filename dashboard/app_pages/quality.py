"""What the numbers are made of: what was set aside, how fresh it is, what was tested."""

import pandas as pd
import streamlit as st

from dashboard import charts, layout, queries, wording

MOST_REASONS = 6

build = layout.build_of_page()
info = queries.build.info(build).rows.iloc[0]
summary = queries.quality.summary(build).rows.iloc[0]
rows_in = summary["modelled_rows"] + summary["rejected_rows"]

with st.grid(4, min_column_width=200):
    st.metric(
        "Event rows read",
        wording.count(rows_in),
        border=True,
        height="stretch",
        help="All rows of the event input: modelled or set aside, none is lost.",
    )
    st.metric(
        "Set aside",
        wording.count(summary["rejected_rows"]),
        wording.percent(summary["rejected_rows"] / rows_in) if rows_in else None,
        delta_color="off",
        delta_arrow="off",
        delta_description="of the rows",
        border=True,
        height="stretch",
        help="Rows that cannot be used, each with a reason, and excluded users.",
    )
    st.metric(
        "Data up to",
        wording.day(info["data_end"]),
        f"{info['data_end']:%H:%M} UTC" if pd.notna(info["data_end"]) else None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=f"The last complete day is {wording.day(info['as_of_date'])} "
        f"({info['timezone']} days).",
    )
    st.metric(
        "Tests passed",
        wording.count(info["tests_passed"]),
        "none failed",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help="A build with a failing test is never published.",
    )

volume = queries.quality.volume(build)
anomalies = int(summary["anomalies"])
with layout.panel(
    f"{wording.counted(anomalies, 'day')} with an unusual number of events"
    if anomalies
    else "No day has an unusual number of events",
    "Events by day, against the same weekdays before.",
    of=volume,
    means={
        "Rows": "data_quality.rows",
        "Unusual": "data_quality.is_anomaly",
    },
):
    layout.draw(
        charts.quality.volume(volume.rows), "Number of events by day", key="volume"
    )

aside = queries.quality.set_aside_by_week(build, MOST_REASONS)
if not aside.rows.empty:
    with layout.panel(
        "Rows set aside by week",
        "A reason that grows points at what changed where the events are made. Rows "
        "without a time, or from the future, are in the table below only.",
        of=aside,
        means={"Set aside": "data_quality.rejected_rows"},
    ):
        layout.draw(
            charts.quality.set_aside(aside.rows),
            "Number of rows set aside by week and reason",
            key="set_aside",
        )

checks = queries.quality.checks(build)
with layout.panel(
    "Every check",
    "Rows in are rows modelled and rows set aside; a test of the build says so.",
    of=checks,
    means={"Check": "data_quality.check_name", "Reason": "data_quality.reason"},
):
    shown = checks.rows
    st.dataframe(
        {
            "Check": shown["check_name"].map(wording.name),
            "Rows": shown["rows"],
            "Set aside": shown["rejected_rows"],
            "Unusual days": shown["anomalies"],
            "From": shown["first_date"].map(wording.day),
            "To": shown["last_date"].map(wording.day),
        },
        hide_index=True,
        height="content",
        alt="Checks with their rows",
        column_config={
            "Check": st.column_config.TextColumn(pinned=True),
            "Rows": st.column_config.NumberColumn(format="localized"),
            "Set aside": st.column_config.NumberColumn(format="localized"),
        },
    )
