"""How many of those who started together come back."""

import streamlit as st

from dashboard import charts, filters, layout, queries, wording

# More rows than this are a texture, not a table.
MOST_COHORTS = {"day": 42, "week": 30, "month": 36}
MOST_PERIODS = {"day": 30, "week": 26, "month": 24}

build = layout.build_of_page()
selection = filters.bar(build, dates_of="Started in")
chosen = selection.chosen
with st.container(horizontal=True, gap="medium"):
    period = st.segmented_control(
        "Period",
        ["day", "week", "month"],
        default="week",
        required=True,
        format_func=wording.PERIODS.get,
        key="period",
        bind="query-params",
    )
    mode = st.segmented_control(
        "Retained means",
        ["on", "on-or-after"],
        default="on",
        required=True,
        format_func={
            "on": "Active in the period",
            "on-or-after": "Active in it or later",
        }.get,
        key="retained",
        bind="query-params",
    )
is_on_or_after = mode == "on-or-after"

cells = queries.retention.retention_cells(build, period, chosen, is_on_or_after)
if cells.empty:
    layout.nothing_selected()
    st.stop()

by_value = bool(selection.compared)
curve = queries.retention.retention_curve(
    build, period, chosen, is_on_or_after, by_value
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
):
    if curve.empty:
        st.caption(f"No {period} is over for these cohorts yet.")
    else:
        layout.draw(
            charts.retention.retention_curve(
                curve, period, selection.compared or ("all",)
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
):
    layout.draw(
        charts.retention.retention_heat_map(shown, period),
        f"Retention by cohort and {period}",
        key="retention_heat_map",
    )
