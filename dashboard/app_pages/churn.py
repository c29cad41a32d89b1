"""Who is likely to leave, what goes with it, and how far to trust that."""

import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording

MOST_ROWS = 1000
SIDE_HEIGHT = 400
BANDS = ("high", "medium", "low", "unknown")

build = layout.build_of_page()
selection = filters.bar(build, dates_of=None, has_versus=False)
chosen = selection.chosen
summary = queries.churn.risk_summary(build, chosen).rows.iloc[0]
if not summary["users"]:
    st.info(
        "Nobody is scored: either these filters match nobody, or no user was active in "
        "the last 28 days.",
        icon=":material/filter_alt_off:",
    )
    st.stop()

horizon = (
    "weeks"
    if wording.is_missing(summary["horizon_days"])
    else wording.counted(summary["horizon_days"], "day")
)
is_scored = not wording.is_missing(summary["mean_probability"])
st.info(
    f"Risk is the probability of not being active in any of the {horizon} after "
    f"{wording.day(summary['as_of_date'])}. What goes with risk is an association, not "
    "a cause, and high risk does not mean that contacting helps: only an experiment "
    "tells whom a message keeps.",
    icon=":material/info:",
)
with st.grid(4, min_column_width=180):
    st.metric(
        "Active users scored",
        wording.count(summary["users"]),
        border=True,
        help=f"Active in the 28 days before; {layout.whom(selection)}.",
    )
    st.metric(
        "Mean risk",
        wording.percent(summary["mean_probability"]),
        border=True,
        help="About this share of them is expected to be gone.",
    )
    st.metric(
        "High risk",
        wording.count(summary["high_users"]),
        border=True,
        help="Bands are against the share gone among the users learned from.",
    )
    st.metric(
        "New users",
        wording.count(summary["new_users"]),
        border=True,
        help="Scored by a model of their own, which knows little of them.",
    )

left, right = st.columns(2)
with (
    left,
    layout.panel(
        "How risk is spread", "Active users by the probability of being gone."
    ),
):
    if is_scored:
        layout.draw(
            charts.churn.risk_distribution(
                queries.churn.risk_distribution(build, chosen).rows, SIDE_HEIGHT
            ),
            "Number of users by risk",
            key="risk_distribution",
        )
    else:
        st.caption(
            "There is no score: the data holds too little history to learn from."
        )
with (
    right,
    layout.panel(
        "What raises the risk",
        "The three main reasons of each score, counted. N stands for a number that "
        "differs from user to user.",
    ),
):
    reasons = queries.churn.reasons(build, chosen).rows
    if reasons.empty:
        st.caption("No score has a reason.")
    else:
        layout.draw(
            charts.churn.reasons(reasons, SIDE_HEIGHT),
            "Share of high-risk and other users with each reason",
            key="reasons",
        )

with layout.panel(
    "Users by risk", "The highest first. Reasons say what raises a user's own risk."
):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = state.enter_text(
            "Find a user",
            "user",
            placeholder="Part of a user's id",
            icon=":material/search:",
            width=260,
            max_chars=100,
        )
        bands = state.choose_some(
            st.pills,
            "Risk",
            "risk",
            BANDS[:3] if is_scored else BANDS,
            selection_mode="multi",
            format_func=wording.name,
        )
    users = queries.churn.users_at_risk(
        build, chosen, tuple(bands) or BANDS, search, MOST_ROWS
    ).rows
    table = users.assign(
        churn_probability=users["churn_probability"] * 100,
        risk_band=users["risk_band"].map(wording.name),
        **{
            column: users[column].map(wording.reason)
            for column in ("top_reason_1", "top_reason_2", "top_reason_3")
        },
    )
    if table.empty:
        layout.nothing_selected()
    else:
        st.dataframe(
            table,
            hide_index=True,
            height=388,
            alt="Users with their risk and reasons",
            column_config={
                "user_id": st.column_config.TextColumn("User", pinned=True),
                "churn_probability": st.column_config.ProgressColumn(
                    "Risk", format="%.1f%%", min_value=0, max_value=100
                ),
                "risk_band": st.column_config.TextColumn("Band", width="small"),
                "recency_days": st.column_config.NumberColumn(
                    "Days away", help="Since the last active day."
                ),
                "active_days_28": st.column_config.NumberColumn(
                    "Active days", help="Of the last 28."
                ),
                "top_reason_1": st.column_config.TextColumn("First reason"),
                "top_reason_2": st.column_config.TextColumn("Second reason"),
                "top_reason_3": st.column_config.TextColumn("Third reason"),
                "is_new_user": st.column_config.CheckboxColumn(
                    "New",
                    help="Scored by a model of their own, which knows little of them.",
                ),
            },
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "Download as CSV",
                users.to_csv(index=False).encode(),
                file_name=f"churn_risk_{summary['as_of_date']:%Y-%m-%d}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
            st.caption(
                f"{wording.counted(len(table), 'user')}"
                + (" (the first of more)." if len(table) == MOST_ROWS else ".")
            )

behaviors = queries.churn.behaviors(build, chosen).rows
title = "What users did, and whether they were gone later"
if behaviors.empty:
    with layout.panel(title):
        st.caption(
            "No window has closed yet, or too few users did, or did not do, the same."
        )
else:
    when = behaviors.iloc[0]
    with layout.panel(
        title,
        f"Users active in the 28 days up to {wording.day(when['as_of_date'])}: the "
        "share that was not active at all until "
        f"{wording.day(when['label_end_date'])}, the newest window that has closed, "
        "among those who did and who did not do it. Heavy users do more of everything, "
        "so this goes with staying, and need not cause it.",
    ):
        layout.draw(
            charts.churn.behaviors(behaviors),
            "Share of users gone, with and without each behaviour",
            key="behaviors",
        )

metrics = queries.churn.model_metrics(build).rows
if metrics.empty or metrics["value"].isna().all():
    with layout.panel("How good the model is"):
        st.caption(
            "Not known: the data holds too few closed windows to learn and to test on."
        )
    st.stop()
gain = queries.matching(metrics, metric="roc_auc_minus_recency_rule")
first = metrics.iloc[0]
dates = len(queries.churn.test_dates(build).rows)
with layout.panel(
    "How good the model is",
    f"On {wording.counted(dates, 'later date')} that it had not seen "
    f"({wording.count(first['rows'])} scores, {wording.percent(first['base_rate'])} of "
    "them gone): the model, the rule that who is away longer is likelier "
    "gone, and the same risk for all. Bars are 95% intervals.",
):
    layout.draw(
        charts.churn.model_quality(metrics),
        "Quality of the churn model beside a recency rule and the base rate",
        key="model_quality",
    )
    if gain is not None and not wording.is_missing(gain["ci_low"]):
        verdict = (
            "ranks users better than"
            if gain["ci_low"] > 0
            else "ranks users worse than"
            if gain["ci_high"] < 0
            else "is not clearly better or worse at ranking users than"
        )
        st.markdown(
            f"The model {verdict} the recency rule: AUC {gain['value']:+.3f} "
            f"(95% interval {gain['ci_low']:+.3f} to {gain['ci_high']:+.3f})."
        )
    leak = queries.matching(metrics, metric="leakage_warning")
    if leak is not None and leak["value"] > 0:
        st.warning(
            "The model is better than is plausible. A feature may know the future; do "
            "not act on the scores before that is ruled out.",
            icon=":material/warning:",
        )
