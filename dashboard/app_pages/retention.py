"""How many of those who started together come back."""

import pandas as pd
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.queries import Slice

# More rows than this are a texture, not a table; beside another, half the periods.
MOST_COHORTS = {"day": 42, "week": 30, "month": 36}
MOST_PERIODS = {"day": 30, "week": 26, "month": 24}
MODES = {"on": "Active in the period", "on-or-after": "Active in it or later"}
MEANS = {
    "on": {"Retained": "cohort_retention.retained_users"},
    "on_or_after": {"Retained": "cohort_retention.retained_on_or_after_users"},
}
COMPLETE = {"Over": "cohort_retention.is_complete"}


def users_of(chosen: Slice, cells: pd.DataFrame) -> layout.Users:
    """Who is behind a cell."""
    starts = cells["cohort_start"].drop_duplicates().sort_values(ascending=False)
    return layout.Users(
        lambda start, number, is_retained: queries.retention.users_of_cohort(
            build, period, start, number, retained, is_retained, chosen
        ),
        {
            "Cohort": {
                wording.period_name(start, period): start.date() for start in starts
            },
            wording.PERIODS[period]: {
                str(number): int(number)
                for number in sorted(set(cells["period_number"]))
            },
            "Who": {"Came back": True, "Did not": False},
        },
    )


build = layout.build_of_page()
level = layout.level(build)
selection = filters.bar(build, dates_of="Started in", periods=("day", "week", "month"))
period = selection.period
mode = state.choose(
    st.segmented_control,
    "Retained means",
    "retained",
    list(MODES),
    "on",
    required=True,
    format_func=MODES.get,
)
retained = mode.replace("-", "_")
how = {
    "on": f"active in that very {period}",
    "on_or_after": f"active in the {period} or any later one",
}[retained]

cells = [
    queries.retention.cells(build, period, chosen, retained)
    for chosen in selection.slices
]
if any(result.rows.empty for result in cells):
    layout.nothing_selected()
    st.stop()

lines = filters.lines(selection, build, ask=False)
curves = layout.compared(
    lines,
    lambda chosen, by_value: queries.retention.curve(
        build, period, chosen, retained, by_value
    ),
)
with layout.panel(
    f"Retention by {period} since the start",
    f"Share of users {how}, all cohorts together. A cohort counts only in the {period}s "
    "that are over for all of it, so a curve may rise where young cohorts leave it. The "
    f"band is the {level} interval.{layout.left_out(lines)}",
) as panel:
    panel.about(curves.results, MEANS[retained] | COMPLETE)
    if curves.is_empty:
        st.caption(f"No {period} is over for these cohorts yet.")
    else:
        layout.draw(
            charts.retention.retention_curve(curves.rows, period, level),
            f"Retention curve by {period}",
            "retention_curve",
        )

for chosen, result in zip(layout.side_by_side(selection), cells, strict=True):
    newest = (
        result.rows["cohort_start"].drop_duplicates().nlargest(MOST_COHORTS[period])
    )
    last_period = MOST_PERIODS[period] // len(selection.slices)
    shown = result.rows[
        result.rows["cohort_start"].isin(newest)
        & (result.rows["period_number"] <= last_period)
    ]
    cut = (
        f" The newest {len(newest)} cohorts and their first "
        f"{shown['period_number'].max()} {period}s are shown."
        if len(shown) < len(result.rows)
        else ""
    )
    with layout.panel(
        f"Retention of each {period}'s cohort, in percent",
        f"Users who started in the same {period} (their number in brackets, in italics "
        f"where there are fewer than {charts.common.SMALL_GROUP}) and the share of them "
        f"{how}. "
        "Grey and starred: not over yet for the whole cohort, so the number still "
        f"grows.{cut}",
    ) as panel:
        cohorts = result.rows.drop_duplicates("cohort_start")
        panel.about(
            result,
            MEANS[retained] | COMPLETE,
            n=wording.counted(cohorts["cohort_users"].sum(), "user"),
            users=users_of(chosen, result.rows),
        )
        layout.draw(
            charts.retention.heat_map(shown, period),
            f"Retention by cohort and {period}",
            "retention_heat_map",
            is_wide=True,
        )

if period in set(queries.retention.bracket_periods(build).rows["period"]):
    brackets = layout.compared(
        lines,
        lambda chosen, by_value: queries.retention.brackets(
            build, period, chosen, by_value
        ),
    )
    with layout.panel(
        f"Retention by brackets of {period}s",
        f"Share of users active in any {period} of the bracket, over the cohorts for "
        f"which it is over, with {level} intervals.",
    ) as panel:
        panel.about(brackets.results, {"Retained": "retention_brackets.retained_users"})
        if brackets.is_empty:
            st.caption("No bracket is over for these cohorts yet.")
        else:
            layout.draw(
                charts.retention.brackets(brackets.rows, period),
                f"Retention by brackets of {period}s",
                "retention_brackets",
            )
