"""Who is likely to leave, what goes with it, and how far to trust that."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.queries import Result, Slice

MOST_ROWS = 1000
SIDE_HEIGHT = 400
BANDS = ("high", "medium", "low", "unknown")
REASONS = ("top_reason_1", "top_reason_2", "top_reason_3")
NUMBERED = ("First reason", "Second reason", "Third reason")
RISK = st.column_config.ProgressColumn(
    "Risk", format="%.1f%%", min_value=0, max_value=100
)
# The model's own intervals are of a fixed level, whatever var confidence_level_z says.
OF_THE_MODEL = "95%"


def tiles(chosen: Slice, summary: pd.Series) -> None:
    """How many are scored, and what is expected of them."""
    with st.grid(4, min_column_width=140):
        st.metric(
            "Users scored",
            wording.count(summary["users"]),
            border=True,
            help=f"Active in the 28 days before; {layout.whom(chosen)}.",
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


def who() -> None:
    """Who is likely to leave, and why the model thinks so."""
    spreads = layout.figures(
        selection,
        partial(queries.churn.risk_distribution, build),
        lambda rows: charts.churn.risk_distribution(rows, SIDE_HEIGHT),
    )
    reasons = layout.figures(
        selection,
        partial(queries.churn.reasons, build),
        lambda rows: charts.churn.reasons(rows, SIDE_HEIGHT),
        axis="x",
    )
    if selection.versus is None:
        left, right = st.columns(2)
        with left:
            spread_of_risk(selection.chosen, *spreads[0])
        with right:
            reasons_of_risk(selection.chosen, *reasons[0])
    else:
        for side, chosen in enumerate(layout.side_by_side(selection)):
            spread_of_risk(chosen, *spreads[side])
            reasons_of_risk(chosen, *reasons[side])

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
    for chosen in layout.side_by_side(selection):
        users_at_risk(chosen, tuple(bands) or BANDS, search)


def spread_of_risk(chosen: Slice, result: Result, figure: go.Figure) -> None:
    steps = {
        f"{wording.percent(risk, 0)} to {wording.percent(risk + 0.05, 0)}": risk
        for risk in sorted(set(result.rows["risk_from"]), reverse=True)
    }
    with layout.panel(
        "How risk is spread",
        "Active users by the probability of being gone.",
        of=result,
        means={
            "Risk": "churn_scores.churn_probability",
            "Band": "churn_scores.risk_band",
        },
        n=wording.counted(result.rows["users"].sum(), "user"),
        users=layout.Users(
            ask=partial(queries.churn.users_at, build, chosen),
            choices={"Risk": steps},
            columns={"risk": RISK, "risk_band": "Band"},
        )
        if steps
        else None,
    ):
        if steps:
            layout.draw(figure, "Number of users by risk", key="risk_distribution")
        else:
            st.caption(
                "There is no score: the data holds too little history to learn from."
            )


def reasons_of_risk(chosen: Slice, result: Result, figure: go.Figure) -> None:
    known = {wording.reason(reason): reason for reason in result.rows["reason"]}
    with layout.panel(
        "What raises the risk",
        "The three main reasons of each score, counted. N stands for a number that "
        "differs from user to user.",
        of=result,
        means={"Reason": "churn_scores.top_reason_1"},
        users=layout.Users(
            ask=partial(queries.churn.users_with_reason, build, chosen),
            choices={
                "Reason": known,
                "Who": {"High-risk users": True, "Other users": False},
            },
            columns={"risk": RISK, "risk_band": "Band"},
        )
        if known
        else None,
    ):
        if known:
            layout.draw(
                figure,
                "Share of high-risk and other users with each reason",
                key="reasons",
            )
        else:
            st.caption("No score has a reason.")


def users_at_risk(chosen: Slice, bands: tuple[str, ...], search: str) -> None:
    listed = queries.churn.users_at_risk(build, chosen, bands, search, MOST_ROWS)
    users = listed.rows
    with layout.panel(
        "Users by risk",
        "The highest first. Reasons say what raises a user's own risk.",
        of=listed,
        means={"Risk": "churn_scores.churn_probability"},
        n=f"the first {wording.counted(len(users), 'user')}"
        if len(users) == MOST_ROWS
        else wording.counted(len(users), "user"),
    ):
        if users.empty:
            layout.nothing_selected()
            return
        layout.users_table(
            users.assign(
                churn_probability=users["churn_probability"] * 100,
                risk_band=users["risk_band"].map(wording.name),
                **{column: users[column].map(wording.reason) for column in REASONS},
            ),
            {
                "churn_probability": RISK,
                "risk_band": st.column_config.TextColumn("Band", width="small"),
                "recency_days": st.column_config.NumberColumn(
                    "Days away", help="Since the last active day."
                ),
                "active_days_28": st.column_config.NumberColumn(
                    "Active days", help="Of the last 28."
                ),
                **dict(zip(REASONS, NUMBERED, strict=True)),
                "is_new_user": st.column_config.CheckboxColumn(
                    "New",
                    help="Scored by a model of their own, which knows little of them.",
                ),
            },
            height=388,
        )
        st.download_button(
            "Download as CSV",
            users.to_csv(index=False).encode(),
            file_name=f"churn_risk_{summary['as_of_date']:%Y-%m-%d}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"listed {chosen.segment} {chosen.values}",
        )


def what() -> None:
    """What goes with leaving, and how soon users come back."""
    behaviors = layout.figures(
        selection,
        partial(queries.churn.behaviors, build),
        charts.churn.behaviors,
        axis="x",
    )
    for chosen, (result, figure) in zip(
        layout.side_by_side(selection), behaviors, strict=True
    ):
        behaviors_of(chosen, result, figure)
    how_soon()


def behaviors_of(chosen: Slice, result: Result, figure: go.Figure) -> None:
    behaviors = result.rows
    title = "What users did, and whether they were gone later"
    if behaviors.empty:
        with layout.panel(title):
            st.caption(
                "No window has closed yet, or too few users did, or did not do, the same."
            )
        return
    when = behaviors.iloc[0]
    with layout.panel(
        title,
        f"Users active in the 28 days up to {wording.day(when['as_of_date'])}: the "
        "share that was not active at all until "
        f"{wording.day(when['label_end_date'])}, the newest window that has closed, "
        "among those who did and who did not do it. Heavy users do more of everything, "
        "so this goes with staying, and need not cause it.",
        of=result,
        means={
            "Gone": "churn_labels.is_churned",
            "Did it": "user_event_usage.events_28",
        },
        users=layout.Users(
            ask=partial(queries.churn.users_by_behavior, build, chosen),
            choices={
                "What": {wording.name(name): name for name in behaviors["event_name"]},
                "Before": {"Did it": True, "Did not": False},
                "Later": {"Gone": True, "Still here": False},
            },
            columns={"times": "Times"},
        ),
    ):
        layout.draw(
            figure,
            "Share of users gone, with and without each behaviour",
            key="behaviors",
        )


def how_soon() -> None:
    """A curve for each of what is told apart: those of several values do not add up."""
    if selection.versus is None:
        segment, values = filters.by_segment(selection, build)
        slices = [Slice(*selection.chosen[:2], segment.segment, values)]
    else:
        slices = list(selection.slices)
    results = [
        queries.churn.survival(build, chosen.segment, chosen.values)
        for chosen in slices
    ]
    curves = {
        wording.value(value)
        if selection.versus is None
        else wording.sentence(wording.who(chosen.segment, (value,), value == "all")): of
        for chosen, result in zip(slices, results, strict=True)
        for value, of in result.rows.groupby("segment_value", sort=False)
    }
    if not curves:
        return
    with layout.panel(
        "How soon users come back",
        "Share of users who were active again by each day after they were looked at "
        f"(Kaplan-Meier, with its {layout.level(build)} interval): one date a user, "
        "chosen by chance, and whoever cannot be followed any longer counts as long as "
        "they could.",
        of=results,
        means={"Back": "survival_curves.returned_rate"},
        n=wording.counted(
            sum(of["at_risk_users"].max() for of in curves.values()), "user"
        ),
    ):
        layout.draw(
            charts.churn.survival(curves),
            "Share of users back by day, by segment",
            key="survival",
        )


def how_good() -> None:
    """How far to trust the model, and what its scores are good for."""
    result = queries.churn.model_metrics(build)
    metrics = result.rows
    if metrics.empty or metrics["value"].isna().all():
        with layout.panel("How good the model is"):
            st.caption(
                "Not known: the data holds too few closed windows to learn and to test on."
            )
        return
    gain = queries.matching(metrics, metric="roc_auc_minus_recency_rule")
    first = metrics.iloc[0]
    dates = len(queries.churn.test_dates(build).rows)
    with layout.panel(
        "How good the model is",
        f"On {wording.counted(dates, 'later date')} that it had not seen "
        f"({wording.count(first['rows'])} scores, {wording.percent(first['base_rate'])} of "
        "them gone): the model, the rule that who is away longer is likelier "
        f"gone, and the same risk for all. Bars are {OF_THE_MODEL} intervals.",
        of=result,
        means={"Metric": "churn_model_metrics.metric", "n": "churn_model_metrics.rows"},
        n=wording.counted(first["rows"], "score"),
    ):
        with st.grid(len(charts.churn.QUALITY), min_column_width=230):
            for metric, (name, *_) in charts.churn.QUALITY.items():
                layout.draw(
                    charts.churn.model_quality(metrics, metric),
                    f"{name} of the churn model beside a recency rule and the base rate",
                    key=f"model_quality_{metric}",
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
                f"({OF_THE_MODEL} interval {gain['ci_low']:+.3f} to "
                f"{gain['ci_high']:+.3f})."
            )
        leak = queries.matching(metrics, metric="leakage_warning")
        if leak is not None and leak["value"] > 0:
            st.warning(
                "The model is better than is plausible. A feature may know the future; do "
                "not act on the scores before that is ruled out.",
                icon=":material/warning:",
            )

    left, right = st.columns(2)
    calibration = queries.churn.calibration(build)
    with (
        left,
        layout.panel(
            "Whether the risk means what it says",
            "The test's scores in tenths: of users at 30%, about 30 of 100 should be gone.",
            of=calibration,
            means={"Gone": "churn_calibration.churned_rate"},
            n=wording.counted(calibration.rows["rows"].sum(), "score"),
        ),
    ):
        layout.draw(
            charts.churn.calibration(calibration.rows, layout.level(build)),
            "Predicted and realised share of users gone",
            key="calibration",
        )

    thresholds = queries.churn.thresholds(build)
    with (
        right,
        layout.panel(
            "Whom to contact",
            "What contacting the riskiest users of the test dates would have reached. "
            "Value rests on var `churn_contact`: what a contact costs, what a user is "
            "worth and how many of those contacted stay, which only an experiment tells.",
            of=thresholds,
            means={
                "Precision": "churn_thresholds.precision",
                "Capture": "churn_thresholds.capture",
                "Net value": "churn_thresholds.net_value",
            },
        ),
    ):
        known = thresholds.rows
        if known.empty:
            st.caption("Not known: there is no test date.")
        else:
            best = known.loc[
                known["is_most_valuable"].astype(bool), "contacted_percent"
            ]
            percent = state.slide(
                "Contacted, in percent of the users",
                "contact",
                (1, 100),
                int(best.iloc[0]) if len(best) else 10,
            )
            at = queries.matching(known, contacted_percent=percent)
            st.markdown(
                f"Everybody from {wording.percent(at['threshold_probability'])} risk on: "
                f"**{wording.count(at['contacted_users'])}** contacts, "
                f"**{wording.percent(at['precision'])}** of them leaving, "
                f"**{wording.percent(at['capture'])}** of all who leave, "
                f"**{wording.decimal(at['lift'], 1)}** times as many as by chance; net "
                f"value **{wording.count(at['net_value'])}**."
            )
            layout.draw(
                charts.churn.thresholds(known, percent),
                "Share of leavers reached and share of contacts leaving, by how many are "
                "contacted",
                key="thresholds",
            )
    why_this_model()
    moved_features()
    earlier_scores()


def why_this_model() -> None:
    choice = queries.churn.choice(build)
    with layout.panel(
        "Why this model",
        "Chosen on dates before those of the test: the simplest whose log loss is not "
        "worse than the best one's by more than chance.",
        of=choice,
        means={"Log loss": "churn_model_choice.selection_log_loss"},
    ):
        st.dataframe(
            {
                "Candidate": choice.rows["model"].map(
                    lambda m: wording.MODELS.get(m, m)
                ),
                "Log loss": choice.rows["selection_log_loss"],
                "Shipped": choice.rows["is_champion"],
                "Reason": choice.rows["reason"],
            },
            hide_index=True,
            alt="Candidates for the churn model, simplest first",
            column_config={
                "Log loss": st.column_config.NumberColumn(format="%.3f"),
                "Reason": st.column_config.TextColumn(width="large"),
            },
        )


def moved_features() -> None:
    drift = queries.churn.drift(build)
    moved = drift.rows[drift.rows["needs_attention"].astype(bool)]
    with layout.panel(
        "Today's users are like those the model learned from"
        if moved.empty
        else f"{wording.counted(len(moved), 'feature')} moved away from what the model "
        "learned from",
        "Population stability index of each feature and of the score: below 0.1 stable, "
        "from 0.25 on something has changed.",
        of=drift,
        means={"PSI": "churn_drift.psi", "Status": "churn_drift.status"},
    ):
        st.dataframe(
            {
                "Feature": drift.rows["feature"].map(wording.name),
                "PSI": drift.rows["psi"],
                "Status": drift.rows["status"].map(wording.name),
            },
            hide_index=True,
            height=260,
            alt="Drift of each feature",
            column_config={"PSI": st.column_config.NumberColumn(format="%.3f")},
        )


def earlier_scores() -> None:
    outcomes = queries.churn.outcomes(build)
    with layout.panel(
        "What came of earlier scores",
        "Scores that earlier builds gave, once their time was over.",
        of=outcomes,
        means={"Gone": "churn_score_outcomes.is_churned"},
        users=layout.Users(
            ask=lambda of, is_churned: queries.churn.users_of_outcome(
                build, *of, is_churned
            ),
            choices={
                "Scored": {
                    f"{wording.day(row.as_of_date)}, {row.risk_band}": (
                        row.as_of_date.date(),
                        row.risk_band,
                    )
                    for row in outcomes.rows.itertuples()
                },
                "Later": {"Gone": True, "Still here": False},
            },
            columns={"risk": RISK, "days_to_return": "Days until back"},
        )
        if len(outcomes.rows)
        else None,
    ):
        if outcomes.rows.empty:
            st.caption(
                "No score is that old yet: they are kept from build to build and shown "
                f"here {horizon} later."
            )
        else:
            st.dataframe(
                {
                    "As of": outcomes.rows["as_of_date"].map(wording.day),
                    "Band": outcomes.rows["risk_band"].map(wording.name),
                    "Users": outcomes.rows["users"],
                    "Predicted": outcomes.rows["predicted_rate"] * 100,
                    "Gone": outcomes.rows["churned_rate"] * 100,
                    f"{layout.level(build)} interval": [
                        f"{wording.percent(low)} to {wording.percent(high)}"
                        for low, high in zip(
                            outcomes.rows["ci_low"],
                            outcomes.rows["ci_high"],
                            strict=True,
                        )
                    ],
                },
                hide_index=True,
                alt="Predicted and realised share gone, by date and band",
                column_config={
                    "Predicted": st.column_config.NumberColumn(format="%.1f%%"),
                    "Gone": st.column_config.NumberColumn(format="%.1f%%"),
                },
            )


VIEWS = {
    "who": ("Who is likely to leave", who),
    "what": ("What goes with it", what),
    "model": ("How good the model is", how_good),
}

build = layout.build_of_page()
selection = filters.bar(build, dates_of=None)
results = [queries.churn.risk_summary(build, chosen) for chosen in selection.slices]
summaries = [result.rows.iloc[0] for result in results]
if not all(summary["users"] for summary in summaries):
    st.info(
        "Nobody is scored: either these filters match nobody, or no user was active in "
        "the last 28 days.",
        icon=":material/filter_alt_off:",
    )
    st.stop()

summary = summaries[0]
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
for chosen, summary in zip(layout.side_by_side(selection), summaries, strict=True):
    tiles(chosen, summary)
view = state.choose(
    st.segmented_control,
    "View",
    "view",
    list(VIEWS),
    "who",
    required=True,
    format_func=lambda name: VIEWS[name][0],
    label_visibility="collapsed",
)
VIEWS[view][1]()
