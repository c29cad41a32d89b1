"""Who is new, comes back and goes, and whether the product grows by it."""

import streamlit as st

from dashboard import charts, filters, layout, state, wording
from dashboard.queries import Slice, lifecycle

STATES = {name.title(): name for name in ("new", "returning", "resurrected", "dormant")}
MEANS = {
    label: f"lifecycle.{column}"
    for column, (label, *_) in charts.lifecycle.STATES.items()
}
ACCOUNTED_PERIODS = 12

build = layout.build_of_page()
selection = filters.bar(build, dates_of="Days", periods=("day", "week", "month"))
period = selection.period
states = [
    lifecycle.lifecycle(build, chosen, period, False) for chosen in selection.slices
]
if any(result.rows.empty for result in states):
    layout.nothing_selected()
    st.stop()


def users_of(chosen: Slice, starts: list) -> layout.Users:
    """Who is behind a bar."""
    periods = {
        wording.period_name(start, period): start.date() for start in reversed(starts)
    }
    return layout.Users(
        lambda start, state: lifecycle.users_in_state(
            build, chosen, period, start, state
        ),
        {wording.PERIODS[period]: periods, "Who": STATES},
    )


figures = charts.common.same_axis(
    [charts.lifecycle.lifecycle(result.rows, period) for result in states]
)
for chosen, result, figure in zip(
    layout.side_by_side(selection), states, figures, strict=True
):
    with layout.panel(
        "Where active users come from, and how many go",
        f"Returning were active in the {period} before, too; resurrected only earlier; "
        f"dormant were active in the {period} before and not in this one, which is known "
        "when it is over.",
    ) as panel:
        panel.about(
            result, MEANS, users=users_of(chosen, list(result.rows["period_start"]))
        )
        layout.draw(
            figure,
            f"New, returning, resurrected and dormant users by {period}",
            "lifecycle",
        )

left, right = st.columns(2)
with (
    left,
    layout.panel(
        "Quick ratio",
        "New and resurrected users per dormant one. Above 1 more come than go.",
    ) as panel,
):
    lines = filters.lines(selection, build, ask=False)
    compared = layout.compared(
        lines,
        lambda chosen, by_value: lifecycle.lifecycle(build, chosen, period, by_value),
    )
    panel.about(compared.results, {"Quick ratio": "lifecycle.quick_ratio"})
    layout.draw(
        charts.lifecycle.quick_ratio(compared.rows, period),
        f"Quick ratio by {period}",
        "quick_ratio",
    )
with (
    right,
    layout.panel(
        "How often active users come",
        "The power curve: users of a trailing window by the number of days on which they "
        "were active. A bump at the right end is a habit.",
    ) as panel,
):
    days = lifecycle.stickiness_dates(build, selection.chosen).rows
    if days.empty:
        st.caption("No window ends in these days.")
    else:
        windows = [str(length) for length in days["window_days"].unique()][::-1]
        window = int(
            state.choose(
                st.segmented_control,
                "Window",
                "window",
                windows,
                windows[0],
                required=True,
                format_func="{} days".format,
                label_visibility="collapsed",
            )
        )
        days = days[days["window_days"] == window]
        as_of = days["as_of_date"].iloc[0].date()
        compared = layout.compared(
            lines,
            lambda chosen, by_value: lifecycle.stickiness(
                build, chosen, window, as_of, by_value
            ),
        )
        users = [of["active_users"].iloc[0] for of in compared.rows.values()]
        panel.about(
            compared.results,
            {"Share": "stickiness.share_exact", "Or more": "stickiness.share_at_least"},
            n=wording.counted(sum(users), "user"),
            users=layout.Users(
                lambda active_days: lifecycle.users_by_active_days(
                    build, selection.chosen, window, as_of, active_days
                ),
                {"Days active": {str(days): days for days in range(1, window + 1)}},
            ),
        )
        st.caption(
            f"The {window} days up to {wording.day(as_of)}"
            + (
                ""
                if days["is_full_window"].iloc[0]
                else ", of which the data lacks some"
            )
            + "."
        )
        layout.draw(
            charts.lifecycle.power_curve(compared.rows),
            f"Share of active users by days active of {window}",
            "power_curve",
        )

for _, result in zip(layout.side_by_side(selection), states, strict=True):
    with layout.panel(
        f"Growth accounting by {period}",
        f"Active users of a {period} are those of the one before, plus who is new or "
        "resurrected, less who went dormant. The newest first; what is not over is not "
        "accounted for.",
    ) as panel:
        panel.about(result, MEANS | {"Active": "lifecycle.active_users"})
        known = result.rows[
            result.rows["is_complete"] & result.rows["active_before"].notna()
        ]
        if known.empty:
            st.caption(f"No {period} with one before it is over yet.")
            continue
        newest = known[::-1].head(ACCOUNTED_PERIODS)
        st.dataframe(
            {
                wording.PERIODS[period]: [
                    wording.period_name(start, period)
                    for start in newest["period_start"]
                ],
                "Before": newest["active_before"],
                "New": newest["new_users"],
                "Resurrected": newest["resurrected_users"],
                "Dormant": -newest["dormant_users"],
                "Active": newest["active_users"],
                "Growth": newest["growth_rate"] * 100,
                "Quick ratio": newest["quick_ratio"],
            },
            hide_index=True,
            height="content",
            alt=f"Growth accounting by {period}",
            column_config={
                **dict.fromkeys(
                    ("Before", "Active"),
                    st.column_config.NumberColumn(format="localized"),
                ),
                **dict.fromkeys(
                    ("New", "Resurrected", "Dormant"),
                    st.column_config.NumberColumn(format="%+,d"),
                ),
                "Growth": st.column_config.NumberColumn(format="%+.1f%%"),
                "Quick ratio": st.column_config.NumberColumn(format="%.2f"),
            },
        )
