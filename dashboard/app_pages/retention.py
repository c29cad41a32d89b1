"""How many of those who started together come back."""

import streamlit as st

from dashboard import charts, filters, layout, queries, state

# More rows than this are a texture, not a table.
MOST_COHORTS = {"day": 42, "week": 30, "month": 36}
MOST_PERIODS = {"day": 30, "week": 26, "month": 24}

build = layout.build_of_page()
selection = filters.bar(
    build, dates_of="Started in", periods=("day", "week", "month"), has_versus=False
)
chosen, period = selection.chosen, selection.period
mode = state.choose(
    st.segmented_control,
    "Retained means",
    "retained",
    ["on", "on-or-after"],
    "on",
    required=True,
    format_func={
        "on": "Active in the period",
        "on-or-after": "Active in it or later",
    }.get,
)
is_on_or_after = mode == "on-or-after"

cells_result = queries.retention.retention_cells(build, period, chosen, is_on_or_after)
cells = cells_result.rows
if cells.empty:
    layout.nothing_selected()
    st.stop()

curve = queries.retention.retention_curve(
    build, period, chosen, is_on_or_after, bool(selection.lines)
)
how = (
    "active in the period or any later one"
    if is_on_or_after
    else "active in that very period"
)
with layout.panel(
    f"Retention by {period} since the start",
    f"Share of users {how}, all cohorts together ({layout.whom(selection)}). A cohort "
    f"counts only in the {period}s that are over for all of it, so a curve may rise "
    "where young cohorts leave it. The band is the 95% interval.",
    of=curve,
    means={
        "Retained": "cohort_retention.retained_on_or_after_users"
        if is_on_or_after
        else "cohort_retention.retained_users",
        "Complete": "cohort_retention.is_complete",
    },
):
    if curve.rows.empty:
        st.caption(f"No {period} is over for these cohorts yet.")
    else:
        layout.draw(
            charts.retention.retention_curve(
                curve.rows, period, selection.lines or ("all",)
            ),
            f"Retention curve by {period}",
            key="retention_curve",
        )

newest = cells["cohort_start"].drop_duplicates().nlargest(MOST_COHORTS[period])
shown = cells[
    cells["cohort_start"].isin(newest)
    & (cells["period_number"] <= MOST_PERIODS[period])
]
is_cut = len(shown) < len(cells)
with layout.panel(
    f"Retention of each {period}'s cohort, in percent",
    f"Users who started in the same {period} (their number in brackets) and the share "
    f"of them {how}. Grey and starred: not over yet for the whole cohort, so the "
    "number still grows."
    + (
        f" The newest {len(newest)} cohorts and their first "
        f"{shown['period_number'].max()} {period}s are shown."
        if is_cut
        else ""
    ),
    of=cells_result,
):
    layout.draw(
        charts.retention.retention_heat_map(shown, period),
        f"Retention by cohort and {period}",
        key="retention_heat_map",
    )
