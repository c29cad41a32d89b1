"""One user: who they are, what they did, and what is expected of them."""

import pandas as pd
import streamlit as st

from dashboard import charts, layout, queries, state, wording

MOST_FOUND = 50
REASONS = ("top_reason_1", "top_reason_2", "top_reason_3")

build = layout.build_of_page()
search = state.enter_text(
    "User",
    "id",
    placeholder="A user's id, or a part of it",
    icon=":material/search:",
    width=320,
    max_chars=200,
)
if not search:
    st.info(
        "Enter a user's id, or follow one from a list of users.",
        icon=":material/person_search:",
    )
    st.stop()

profile = queries.user.profile(build, search).rows
if profile.empty:
    found = queries.user.found(build, search, MOST_FOUND).rows
    if found.empty:
        st.info("No user's id holds this text.", icon=":material/person_off:")
        st.stop()
    st.caption(f"{wording.counted(len(found), 'user')} whose id holds this text.")
    layout.users_table(found, {"engagement_tier": "Tier", "active_days_28": "Days, 28"})
    st.stop()

user = profile.iloc[0]
with st.grid(4, min_column_width=200):
    st.metric(
        "Tier",
        wording.name(user["engagement_tier"]) if user["engagement_tier"] else "Unknown",
        border=True,
        height="stretch",
        help="How much the user used the product as of the newest day.",
    )
    st.metric(
        "Active days of the last 28",
        wording.count(user["active_days_28"]),
        border=True,
        height="stretch",
    )
    st.metric(
        "Signed up",
        wording.day(user["signed_up_at"]),
        "activated" if user["is_activated"] is True else None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
    )
    st.metric(
        "Risk of leaving",
        wording.percent(user["churn_probability"]),
        wording.name(user["risk_band"]) if pd.notna(user["risk_band"]) else None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help="Only who was active in the last 28 days is scored.",
    )

left, right = st.columns(2)
with (
    left,
    layout.panel(
        "Why the risk is what it is",
        "What raises this user's own risk most. It goes with leaving; whether changing "
        "it would keep the user is not known.",
    ),
):
    reasons = [wording.reason(user[column]) for column in REASONS]
    for reason in filter(None, reasons):
        st.markdown(f"- {wording.unformatted(reason)}")
    if not any(reasons):
        st.caption("Nothing raises it, or the user is not scored.")
segments = queries.user.segments(build, search)
with right, layout.panel("Segments", of=segments):
    st.dataframe(
        {
            "Segment": [*segments.rows["segment"].map(wording.name), "Behaviour"],
            "Value": [
                *segments.rows["segment_value"].map(wording.value),
                wording.behavior(user["behavior_segment"]),
            ],
        },
        hide_index=True,
        alt="The user's segments",
    )

days = queries.user.days(build, search)
with layout.panel(
    "What the user did, day by day",
    "A dot is as large as many times. Days are those of the reporting timezone.",
    of=days,
    n=wording.counted(days.rows["events"].sum(), "event"),
):
    if days.rows.empty:
        st.caption("No event of this user is in the data.")
    else:
        layout.draw(
            charts.user.days(days.rows), "Events of the user by day", key="days"
        )

funnels = queries.user.funnels(build, search)
if not funnels.rows.empty:
    with layout.panel("How far in each funnel", of=funnels):
        st.dataframe(
            {
                "Funnel": funnels.rows["funnel"].map(wording.name),
                "Got as far as": funnels.rows["step_name"].map(wording.name),
                "Entered": funnels.rows["entered_at"].map(wording.moment),
                "Time is over": funnels.rows["is_matured"],
            },
            hide_index=True,
            alt="The user's funnels",
        )

events = queries.user.events(build, search)
with layout.panel(
    "Events",
    f"The newest {wording.count(queries.user.MOST_EVENTS)} at the most, in UTC.",
    of=events,
):
    st.dataframe(
        events.rows.assign(
            event_name=events.rows["event_name"].map(wording.name),
            properties=events.rows["properties"].fillna(""),
        ),
        hide_index=True,
        height=320,
        alt="The user's events, the newest first",
        column_config={
            "event_time": st.column_config.DatetimeColumn(
                "Time", format="YYYY-MM-DD HH:mm:ss"
            ),
            "event_name": "Event",
            "session_id": "Session",
            "properties": st.column_config.TextColumn("Properties", width="large"),
        },
    )
