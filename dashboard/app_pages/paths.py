"""What people do one after the other within a session."""

import pandas as pd
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.queries import Slice

EVENTS_PER_STEP = {
    "4": "4 events a step",
    "6": "6 events a step",
    "10": "10 events a step",
}
ANYWHERE = "anywhere"
MOST_ROWS = 12
MOST_WAYS = 60


def users_of(chosen: Slice, transitions: pd.DataFrame) -> layout.Users:
    """Who went the ways of a chart, the most taken first."""
    ways = {}
    for row in transitions.to_dict("records"):
        from_event, to_event, step = (
            row.get(column) for column in ("from_event", "to_event", "from_step")
        )
        # What is rare at its step stands together there, and is no event of the mart.
        if step is None or queries.paths.OTHER not in (from_event, to_event):
            said = f"{charts.paths.name(from_event)} to {charts.paths.name(to_event)}"
            number = "" if step is None else f"{step}. "
            ways[number + said] = (from_event, to_event, step)
    most = dict(list(ways.items())[:MOST_WAYS])
    return layout.Users(
        ask=lambda way: queries.paths.users_of(build, chosen, *way),
        choices={"Way": most},
        columns={"times": "Times"},
    )


build = layout.build_of_page()
selection = filters.bar(build, dates_of="Months of", periods=())
most = state.choose(
    st.segmented_control,
    "Detail",
    "detail",
    list(EVENTS_PER_STEP),
    "6",
    required=True,
    format_func=EVENTS_PER_STEP.get,
    label_visibility="collapsed",
)
for chosen in layout.side_by_side(selection):
    flows = queries.paths.flows(build, chosen, int(most))
    if flows.rows.empty:
        layout.nothing_selected()
        continue
    whom = layout.whom(chosen)
    started = flows.rows.loc[flows.rows["from_step"] == 0, "transitions"].sum()
    left = flows.rows["to_event"] == "(exit)"
    first = flows.rows.loc[left & (flows.rows["from_step"] == 1), "transitions"].sum()
    with layout.panel(
        f"{wording.percent(first / started)} of the sessions of {whom} end after their "
        "first event",
        "Sessions that began in the months of these days, their first steps "
        "from left to right. A band is as wide as many sessions went that way; events "
        "that few did at a step are Other, and grey bands left.",
        of=flows,
        means={"Sessions": "path_transitions.transitions"},
        n=wording.counted(started, "session"),
        users=users_of(
            chosen,
            flows.rows.sort_values("transitions", ascending=False, kind="stable"),
        ),
    ):
        layout.draw(
            charts.paths.flows(flows.rows),
            "Flow of sessions from step to step",
            key="flows",
            is_wide=True,
        )

after = state.choose(
    st.selectbox,
    "After",
    "after",
    [ANYWHERE, *queries.features.feature_names(build).rows["event_name"]],
    ANYWHERE,
    format_func=lambda event: "Any event" if event == ANYWHERE else wording.name(event),
    width=260,
)
for chosen in layout.side_by_side(selection):
    following = queries.paths.next_events(build, chosen)
    rows = following.rows
    if after != ANYWHERE:
        rows = rows[rows["from_event"] == after]
    rows = rows.head(MOST_ROWS)
    with layout.panel(
        f"What {layout.whom(chosen)} did next",
        "Within the same session, at whatever of its first steps.",
        of=following,
        means={"Share": "path_transitions.share_of_from"},
        users=users_of(chosen, rows) if len(rows) else None,
    ):
        st.dataframe(
            {
                "After": rows["from_event"].map(charts.paths.name),
                "Next": rows["to_event"].map(charts.paths.name),
                "Times": rows["transitions"],
                "Share": rows["share_of_from"] * 100,
            },
            hide_index=True,
            height="content",
            alt="What follows an event, and how often",
            column_config={
                "Times": st.column_config.NumberColumn(format="localized"),
                "Share": st.column_config.ProgressColumn(
                    format="%.1f%%", min_value=0, max_value=100
                ),
            },
        )
