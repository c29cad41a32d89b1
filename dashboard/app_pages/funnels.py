"""How far people get, how long it takes them, and where they drop out."""

import pandas as pd
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.queries import Slice

ORDERS = {
    "ordered": "in this order, whatever comes between",
    "strict": "in this order, with nothing between",
    "unordered": "in any order",
}
OUTCOMES = {
    "Reached it": "reached",
    "Dropped out before it": "dropped",
    "May still reach it": "pending",
}
MEANS = {
    "Reached": "funnel_steps.users",
    "Converted": "funnel_steps.matured_conversion",
    "Dropped out": "funnel_steps.dropped_users",
    "May still reach it": "funnel_steps.pending_users",
}


def users_of(chosen: Slice, steps: pd.DataFrame) -> layout.Users:
    """Who is behind a bar."""
    before = {1: 1}
    last_required = 1
    for row in steps.itertuples():
        before[row.step_number] = last_required
        if not row.is_optional:
            last_required = row.step_number
    return layout.Users(
        lambda step, outcome: queries.funnels.users_at_step(
            build, funnel, step, before[step], outcome, chosen
        ),
        {
            "Step": {
                f"{row.step_number}. {wording.name(row.step_name)}": row.step_number
                for row in steps.itertuples()
            },
            "Who": OUTCOMES,
        },
    )


def waiting(steps: pd.DataFrame) -> str:
    """Says what is not known yet."""
    open_users = steps["entered_users"].iloc[0] - steps["matured_entrants"].iloc[0]
    if not open_users:
        return "All of them have had their time to convert."
    return (
        f"{wording.count(open_users)} of them have not had their time yet; whoever of "
        "these has not gone on is shown apart, and not as dropped out."
    )


build = layout.build_of_page()
level = layout.level(build)
funnels = queries.funnels.funnels(build).rows
if funnels.empty:
    st.info(
        "Nobody entered a funnel, or none is defined. They are var `funnels` in "
        "dbt_project.yml.",
        icon=":material/filter_alt_off:",
    )
    st.stop()
names = list(funnels["funnel"])
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
selection = filters.bar(build, dates_of="Entered in", periods=("day", "week", "month"))
results = [
    queries.funnels.steps(build, funnel, chosen, False) for chosen in selection.slices
]
if any(result.rows.empty for result in results):
    layout.nothing_selected()
    st.stop()

definition = funnels[funnels["funnel"] == funnel].iloc[0]
window = (
    f"within {wording.duration(definition['window_seconds'])} of entering"
    if pd.notna(definition["window_seconds"])
    else "at any time after entering"
)
names_of_steps = [wording.name(name) for name in results[0].rows["step_name"]]
for chosen, result in zip(layout.side_by_side(selection), results, strict=True):
    steps = result.rows
    first, last = steps.iloc[0], steps.iloc[-1]
    with layout.panel(
        f"{wording.percent(last['matured_conversion'])} get from "
        f"{wording.unformatted(names_of_steps[0].lower())} to "
        f"{wording.unformatted(names_of_steps[-1].lower())}",
        f"{wording.counted(first['entered_users'], 'user')} entered between "
        f"{wording.day(chosen.start)} and {wording.day(chosen.end)} "
        f"({layout.whom(chosen)}). Steps count {ORDERS[definition['step_order']]}, "
        f"{window}. {waiting(steps)}",
    ) as panel:
        panel.about(
            result,
            MEANS,
            n=wording.counted(first["entered_users"], "user"),
            users=users_of(chosen, steps),
        )
        layout.draw(
            charts.funnels.funnel(steps, level),
            "Share of users who reached each step",
            "funnel",
        )

lines = filters.lines(selection, build)
compared = layout.compared(
    lines,
    lambda chosen, by_value: queries.funnels.steps(build, funnel, chosen, by_value),
)
by = f", by {lines.by}" if lines.by else ""
left, right = st.columns(2)
with (
    left,
    layout.panel(
        f"Conversion{by}",
        f"Of those who have had their time, with {level} intervals: where these overlap "
        f"widely, there may be no difference at all.{layout.left_out(lines)}",
    ) as panel,
):
    panel.about(compared.results, {"Converted": MEANS["Converted"]})
    layout.draw(
        charts.funnels.conversion(compared.rows),
        "Conversion by step, side by side",
        "conversion",
    )
with (
    right,
    layout.panel(
        f"Where users drop out{by}",
        "Of those who reached the step before and have had their time, the share that "
        f"went no further, with {level} intervals.",
    ) as panel,
):
    panel.about(compared.results, {"Dropped out": MEANS["Dropped out"]})
    layout.draw(
        charts.funnels.drop_out(compared.rows),
        "Share of users who went no further, side by side",
        "drop_out",
    )

step = int(
    state.choose(
        st.selectbox,
        "Look at the step",
        "step",
        [str(number) for number in range(2, len(names_of_steps) + 1)],
        str(len(names_of_steps)),
        format_func=lambda number: names_of_steps[int(number) - 1],
        width=260,
    )
)
name_of_step = wording.unformatted(names_of_steps[step - 1].lower())
period = selection.period
left, right = st.columns(2)
with (
    left,
    layout.panel(
        f"Conversion to {name_of_step} by {period} of entering",
        "Of those who entered then and have had their time.",
    ) as panel,
):
    trends = layout.compared(
        filters.lines(selection, build, ask=False),
        lambda chosen, by_value: queries.funnels.trend(
            build, funnel, step, chosen, period, by_value
        ),
    )
    panel.about(trends.results, {"Converted": "funnel_trends.matured_conversion"})
    layout.draw(
        charts.funnels.trend(trends.rows, period, level),
        f"Conversion by {period} of entering",
        "trend",
    )
with (
    right,
    layout.panel(
        f"How long it takes to get to {name_of_step}",
        f"From entering, over those who reached it ({layout.whom(selection.chosen)}); the "
        "table has the time from the step before.",
    ) as panel,
):
    times = queries.funnels.time_to_convert(build, funnel, 1, step, selection.chosen)
    panel.about(
        (times, results[0]), n=wording.counted(times.rows["users"].sum(), "user")
    )
    if times.rows.empty:
        st.caption("Nobody reached it.")
    else:
        layout.draw(
            charts.funnels.time_to_convert(times.rows),
            f"Users by the time they took to {name_of_step}",
            "time_to_convert",
        )
    later = results[0].rows[1:]
    st.dataframe(
        {
            "To": later["step_name"].map(wording.name),
            "A quarter within": later["p25_seconds_from_previous"].map(
                wording.duration
            ),
            "Half within": later["median_seconds_from_previous"].map(wording.duration),
            "Nine in ten within": later["p90_seconds_from_previous"].map(
                wording.duration
            ),
        },
        hide_index=True,
        alt="Time between steps",
        column_config={
            label: st.column_config.TextColumn(alignment="right")
            for label in ("A quarter within", "Half within", "Nine in ten within")
        },
    )
