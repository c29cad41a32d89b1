"""What people use, how soon, and how much of it."""

import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.queries import Result, Slice

MOST_LINES = 6
DEFAULT_LINES = 4
SHARES = (
    "adoption_rate",
    "repeat_rate",
    "retained_with_rate",
    "retained_without_rate",
    "difference",
)


def table(chosen: Slice, result: Result) -> None:
    """Who used what in the newest period of which one knows who came back after it."""
    features = result.rows
    newest = features["period_start"].iloc[0]
    with layout.panel(
        f"Features used in the {period} of {wording.day(newest)}, and who came back",
        f"The newest {period} whose next {period} is over. Coming back goes with a "
        "feature and need not be its doing: heavy users do more of everything.",
        of=result,
        means={
            "Adoption": "feature_usage.adoption_rate",
            "Used again": "feature_usage.repeat_rate",
            "Came back, with": "feature_usage.retained_with_rate",
            "Came back, without": "feature_usage.retained_without_rate",
        },
        n=wording.counted(features["active_users"].iloc[0], "active user"),
        users=layout.Users(
            ask=lambda event: queries.features.users_of(
                build, chosen, period, newest.date(), event
            ),
            choices={
                "Used": {wording.name(event): event for event in features["event_name"]}
            },
            columns={"times": "Times", "last_time": "Last time (UTC)"},
        ),
    ):
        st.dataframe(
            features.assign(
                event_name=features["event_name"].map(wording.name),
                **{column: features[column] * 100 for column in SHARES},
            ),
            hide_index=True,
            height="content" if len(features) <= 12 else 458,
            alt="Features with their users, adoption and retention",
            column_order=[
                "event_name",
                "users",
                "adoption_rate",
                "repeat_rate",
                "events_per_user",
                "retained_with_rate",
                "retained_without_rate",
                "difference",
            ],
            column_config={
                "event_name": st.column_config.TextColumn("Feature", pinned=True),
                "users": st.column_config.NumberColumn("Users", format="localized"),
                "adoption_rate": st.column_config.ProgressColumn(
                    "Adoption",
                    format="%.1f%%",
                    min_value=0,
                    max_value=100,
                    help="Share of active users who used it.",
                ),
                "repeat_rate": st.column_config.NumberColumn(
                    "Used again",
                    format="%.1f%%",
                    help="Share of its users who used it on two or more days.",
                ),
                "events_per_user": st.column_config.NumberColumn(
                    "Times per user", format="%.1f"
                ),
                "retained_with_rate": st.column_config.NumberColumn(
                    "Came back, with",
                    format="%.1f%%",
                    help="Share of its users who were active in the next period.",
                ),
                "retained_without_rate": st.column_config.NumberColumn(
                    "Came back, without",
                    format="%.1f%%",
                    help="The same share among active users who did not use it.",
                ),
                "difference": st.column_config.NumberColumn(
                    "Difference (points)",
                    format="%+.1f",
                    help="In percentage points: an association, not an effect.",
                ),
            },
        )


def usage_by_period(result: Result, figure: go.Figure) -> None:
    with layout.panel(
        f"Share of each {period}'s active users who used it",
        f"Dotted where the {period} is not over yet.",
        of=result,
        means={"Share": "feature_usage.adoption_rate"},
    ):
        layout.draw(
            figure,
            f"Share of active users who used each feature, by {period}",
            key="usage",
        )


def adoption(result: Result, figure: go.Figure) -> None:
    with layout.panel(
        "How soon people take a feature up",
        "Share of those who have lived through a week of their life with the product "
        f"and had used it by then, with its {layout.level(build)} interval.",
        of=result,
        means={"Share": "feature_adoption.adoption_rate"},
    ):
        layout.draw(
            figure,
            "Share of users who had used each feature, by week of their life",
            key="adoption",
        )


def breadth(result: Result, figure: go.Figure) -> None:
    with layout.panel(
        "How many features people use",
        f"Of the users active in the newest {period} that is over.",
        of=result,
        means={"Users": "feature_breadth.users"},
        n=wording.counted(result.rows["users"].sum(), "user"),
    ):
        layout.draw(
            figure,
            "Share of active users by number of features used",
            key="breadth",
        )


build = layout.build_of_page()
selection = filters.bar(build, dates_of="Days", periods=("week", "month"))
period = selection.period

results = [
    queries.features.features(build, chosen, period) for chosen in selection.slices
]
if any(result.rows.empty for result in results):
    st.info(
        f"No {period} in these days is followed by another complete one, or nobody "
        "matches these filters. Choose more days, or other values above.",
        icon=":material/filter_alt_off:",
    )
    st.stop()
for chosen, result in zip(layout.side_by_side(selection), results, strict=True):
    table(chosen, result)

picked = state.choose_some(
    st.multiselect,
    "Features to follow",
    "feature",
    list(queries.features.feature_names(build).rows["event_name"]),
    format_func=wording.name,
    placeholder=f"The {DEFAULT_LINES} most used",
    max_selections=MOST_LINES,
)
followed = tuple(picked or results[0].rows["event_name"][:DEFAULT_LINES])
usages = layout.figures(
    selection,
    lambda chosen: queries.features.usage_by_period(build, chosen, period, followed),
    lambda rows: charts.features.usage_by_period(rows, followed),
)
adoptions = layout.figures(
    selection,
    lambda chosen: queries.features.adoption_by_week_of_life(build, chosen, followed),
    lambda rows: charts.features.adoption_by_week_of_life(rows, followed),
)
breadths = layout.figures(
    selection,
    lambda chosen: queries.features.breadth(build, chosen, period),
    charts.features.breadth,
)
if selection.versus is None:
    left, right = st.columns(2)
    with left:
        usage_by_period(*usages[0])
    with right:
        adoption(*adoptions[0])
    breadth(*breadths[0])
else:
    for side, _ in enumerate(layout.side_by_side(selection)):
        usage_by_period(*usages[side])
        adoption(*adoptions[side])
        breadth(*breadths[side])

impact = queries.features.impact(build)
confirmed = impact.rows[impact.rows["verdict"] == "confirmed"]
with layout.panel(
    f"{wording.counted(len(confirmed), 'behaviour')} of the first days go with staying "
    "when users are made comparable"
    if len(confirmed)
    else "What users do in their first days, and who stays",
    "Of all users alike, whatever is chosen above. Heavy users do more of everything: the "
    "grey strokes are differences before, the dots after comparing users who were as "
    "active, joined at the same time and are of the same segments. Confirmed ones held "
    "on users who joined later. An association still, and no proof of a cause: test it.",
    of=impact,
    means={
        "Difference": "behavior_impact.adjusted_risk_difference",
        "Verdict": "behavior_impact.verdict",
        "Impact": "behavior_impact.impact",
        "E-value": "behavior_impact.e_value",
        "q-value": "behavior_impact.q_value",
    },
    n=wording.counted(impact.rows["users"].max(), "user") if len(impact.rows) else "",
):
    if impact.rows.empty:
        st.caption("Not known: too few users have been followed for long enough.")
    else:
        layout.draw(
            charts.features.impact(impact.rows),
            "Difference in retention with and without each behaviour",
            key="impact",
        )
        for row in confirmed.itertuples():
            said = row.statement.replace(row.event_name, wording.name(row.event_name))
            st.markdown(f"- {wording.unformatted(said)}")
