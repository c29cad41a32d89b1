"""How far people get, how long it takes them, and where they drop out."""

import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording

build = layout.build_of_page()
names = list(queries.funnels.funnels(build).rows["funnel"])
if not names:
    st.info("No funnel is defined. Add one to `funnels` in dbt_project.yml.")
    st.stop()
funnel = state.choose(
    st.segmented_control,
    "Funnel",
    "funnel",
    names,
    names[0],
    required=True,
    format_func=lambda text: wording.unformatted(wording.name(text)),
    label_visibility="collapsed",
)
selection = filters.bar(build, dates_of="Entered in")
chosen = selection.chosen

result = queries.funnels.funnel_steps(build, funnel, chosen, by_value=False)
steps = result.rows
if steps.empty:
    layout.nothing_selected()
    st.stop()

start, end = steps.iloc[0], steps.iloc[-1]
open_users = start["users"] - start["matured_entrants"]
waiting = (
    f"For {wording.count(open_users)} of them the time to convert is not over yet; "
    "whoever of these has not gone on is shown apart, and not as dropped out."
    if open_users
    else "All of them have had their time to convert."
)
with layout.panel(
    f"From {wording.unformatted(wording.name(start['step_name']).lower())} to "
    f"{wording.unformatted(wording.name(end['step_name']).lower())}: "
    f"{wording.percent(end['matured_conversion'])} of those who have had their time",
    f"{wording.counted(start['users'], 'user')} entered between "
    f"{wording.day(chosen.start)} and {wording.day(chosen.end)} "
    f"({layout.whom(selection)}). {waiting} The days are those of entering; converting "
    "may come later.",
    of=result,
    means={
        "Reached": "funnel_steps.users",
        "Converted": "funnel_steps.matured_conversion",
        "Pending": "funnel_steps.pending_users",
    },
    n=wording.counted(start["users"], "user"),
):
    layout.draw(
        charts.funnels.funnel(steps),
        "Share of users who reached each step",
        key="funnel_steps",
    )

left, right = st.columns([4, 5])
with (
    left,
    layout.panel(
        "How long each step takes",
        "Time from the step before, over the users who reached the step.",
        of=result,
    ),
):
    later = steps[steps["step_number"] > 1]
    st.dataframe(
        {
            "To": later["step_name"].map(wording.name),
            "Half within": later["median_seconds_from_previous"].map(wording.duration),
            "Nine in ten within": later["p90_seconds_from_previous"].map(
                wording.duration
            ),
            "Dropped": later["dropped_users"],
            "Pending": later["pending_users"],
        },
        hide_index=True,
        alt="Median and 90th percentile of the time between steps",
        column_config={
            "Half within": st.column_config.TextColumn(alignment="right"),
            "Nine in ten within": st.column_config.TextColumn(alignment="right"),
            "Dropped": st.column_config.NumberColumn(
                format="localized", help="The window has closed without the step."
            ),
            "Pending": st.column_config.NumberColumn(
                format="localized", help="The window is still open."
            ),
        },
    )
compared, values = filters.by_segment(selection, build)
drop_out = queries.funnels.funnel_drop_out(build, funnel, compared)
segment = wording.unformatted(wording.name(compared.segment).lower())
with (
    right,
    layout.panel(
        f"Where users drop out, by {segment}",
        "Of those who reached a step and have had their time, the share that went no "
        "further, with its 95% interval.",
        of=drop_out,
    ),
):
    layout.draw(
        charts.funnels.drop_out(drop_out.rows, values),
        "Share of users who went no further, by step and segment",
        key="drop_out",
    )

by_value = queries.funnels.funnel_steps(build, funnel, compared, by_value=True)
with layout.panel(
    f"Conversion by {segment}",
    "Share of those who entered and have had their time, with its 95% interval: where "
    "intervals overlap widely, the values may not differ at all.",
    of=by_value,
):
    layout.draw(
        charts.funnels.funnel_by_value(by_value.rows, values),
        "Conversion by step and segment",
        key="funnel_by_value",
    )
