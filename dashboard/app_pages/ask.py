"""Questions that no page asks: a funnel or retention of any events, or SQL."""

import streamlit as st

from dashboard import charts, filters, layout, queries, state, wording
from dashboard.ask import process
from dashboard.ask.rules import NotAllowedError

MOST_STEPS = 8
WINDOWS = {
    "1": "1 day",
    "7": "7 days",
    "14": "14 days",
    "30": "30 days",
    "90": "90 days",
}
ORDERS = {
    "ordered": "In this order, others between",
    "strict": "In this order, nothing between",
    "unordered": "In any order",
}
KINDS = {
    "first_time": "Did it for the first time",
    "recurring": "Did it, every time anew",
}
ANY, NONE = "any", "none"
EXAMPLE = """select activity_date, dau, wau, mau
from daily_active
where segment = 'all' and is_complete
order by activity_date desc
limit 28"""


def funnel(events: list[str]) -> None:
    steps = choose_steps(events)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        days = filters.days(build, "Entered in")
        window = state.choose(
            st.selectbox,
            "Within",
            "within",
            list(WINDOWS),
            "14",
            format_func=WINDOWS.get,
            width=120,
        )
        order = state.choose(
            st.selectbox,
            "Order",
            "order",
            list(ORDERS),
            "ordered",
            format_func=ORDERS.get,
            width=280,
        )
        segment = choose_segment()
    if len(steps) < 2:
        st.info(
            "Choose the events that are its steps: how many users go from each to the "
            "next, and how long it takes them.",
            icon=":material/filter_alt:",
        )
        return
    asked = (build, tuple(steps), int(window), order, days)
    result = queries.ask.funnel(*asked, segment)
    if result.rows.empty or not result.rows["users"].sum():
        st.info(f"Nobody did {wording.name(steps[0])}.", icon=":material/group_off:")
        return
    last = result.rows[result.rows["step_number"] == len(steps)]
    entered = result.rows.loc[result.rows["step_number"] == 1, "users"].sum()
    with layout.panel(
        f"{said(steps[0])} to {said(steps[-1]).lower()} within {WINDOWS[window]}",
        "Shares are of all who entered. The diamonds are of those whose time to convert "
        f"is over, with their {layout.level(build)} interval.",
        of=result,
        means={
            "Reached": "funnel_steps.users",
            "Converted": "funnel_steps.matured_conversion",
            "Pending": "funnel_steps.pending_users",
        },
        n=wording.counted(entered, "user"),
        users=layout.Users(
            ask=lambda step: queries.ask.funnel_users(*asked, step),
            choices={
                "Got as far as": {
                    wording.name(event): number for number, event in enumerate(steps, 1)
                }
            },
            columns={"entered_at": "Entered (UTC)", "is_matured": "Time is over"},
        ),
    ):
        if len(last) == 1:
            figure = charts.funnels.funnel(result.rows, layout.level(build))
        else:
            by_value = dict(tuple(result.rows.groupby("segment_value", sort=False)))
            figure = charts.funnels.conversion(
                {wording.value(value): steps for value, steps in by_value.items()}
            )
        layout.draw(figure, "Share of users who reached each step", key="asked_funnel")


def choose_steps(events: list[str]) -> list[str]:
    """Events one after the other; an event may come twice."""
    steps: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        while len(steps) < MOST_STEPS:
            number = len(steps) + 1
            event = state.choose(
                st.selectbox,
                f"Step {number}",
                f"step{number}",
                [NONE, *events],
                NONE,
                format_func=lambda text: "..." if text == NONE else wording.name(text),
                width=190,
            )
            if event == NONE:
                break
            steps.append(event)
    return steps


def choose_segment() -> str:
    segments = queries.build.segments(build).rows["segment"].unique()
    return state.choose(
        st.selectbox,
        "By",
        "by",
        [wording.EVERYONE, *segments],
        wording.EVERYONE,
        format_func=lambda text: (
            "Everyone" if text == wording.EVERYONE else wording.name(text)
        ),
        width=170,
    )


def retention(events: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        days = filters.days(build, "Started in")
        kind = state.choose(
            st.selectbox, "Users who", "kind", list(KINDS), "first_time",
            format_func=KINDS.get,
        )  # fmt: skip
        target = state.choose(
            st.selectbox, "What", "target", events, events[0], format_func=wording.name
        )
        returning = state.choose(
            st.selectbox,
            "Came back to",
            "returning",
            [ANY, *events],
            ANY,
            format_func=lambda text: (
                "Any activity" if text == ANY else wording.name(text)
            ),
        )
        period = state.choose(
            st.segmented_control,
            "Period",
            "period",
            ("day", "week", "month"),
            "week",
            required=True,
            format_func=wording.PERIODS.get,
        )
    result = queries.ask.retention(
        build, target, None if returning == ANY else returning, period, kind, days
    )
    if result.rows.empty:
        st.info(f"Nobody did {wording.name(target)}.", icon=":material/group_off:")
        return
    shown = result.rows.groupby("cohort_start")["cohort_users"].first()
    came_back = (
        "came back" if returning == ANY else f"came back to {said(returning).lower()}"
    )
    with layout.panel(
        f"Of those who did {said(target).lower()}, the share that {came_back}",
        "By the period in which they did it. Cells marked * are not over yet.",
        of=result,
        means={"Retained": "cohort_retention.retained_users"},
        n=wording.counted(shown.sum(), "user"),
    ):
        layout.draw(
            charts.retention.heat_map(result.rows, period),
            "Retention by cohort and period",
            key="asked_retention",
            is_wide=True,
        )


def sql() -> None:
    left, right = st.columns([3, 2])
    with right:
        marts()
    with left, st.form("sql", border=False):
        text = st.text_area(
            "One query over the marts",
            st.query_params.get("sql", EXAMPLE),
            height=220,
            help=f"It may take {process.LIMITS.seconds} seconds and gives up to "
            f"{wording.count(process.LIMITS.rows)} rows. It can read the marts and "
            "nothing else, and change nothing.",
        )
        is_asked = st.form_submit_button("Run", icon=":material/play_arrow:")
    if is_asked:
        st.query_params["sql"] = text
    if not is_asked:
        return
    with left:
        answer_of(text)


def answer_of(text: str) -> None:
    try:
        with st.spinner("Running ..."):
            answer = process.run(build.path, text)
    except NotAllowedError as error:
        st.error("This query was not answered.", icon=":material/block:")
        st.code(str(error), language=None, wrap_lines=True)
        return
    rows = wording.counted(len(answer.rows), "row")
    st.caption(f"The first {rows}; there are more." if answer.is_cut else f"{rows}.")
    st.dataframe(answer.rows, hide_index=True, alt="The query's answer")
    st.download_button(
        "Download CSV",
        lambda: answer.rows.to_csv(index=False).encode(),
        file_name="answer.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def marts() -> None:
    """What there is to ask of."""
    known = queries.ask.marts(build).rows
    names = list(known["mart"].unique())
    mart = state.choose(st.selectbox, "Mart", "mart", names, "daily_active")
    columns = known[known["mart"] == mart]
    st.caption(wording.unformatted(columns["mart_meaning"].iloc[0]))
    st.dataframe(
        columns[["column_name", "data_type", "meaning"]],
        hide_index=True,
        height=300,
        alt=f"Columns of {mart}",
        column_config={
            "column_name": "Column",
            "data_type": "Type",
            "meaning": st.column_config.TextColumn("Meaning", width="large"),
        },
    )


def said(event: str) -> str:
    return wording.unformatted(wording.name(event))


build = layout.build_of_page()
ASKED = {"funnel": "Funnel", "retention": "Retention", "sql": "SQL"}
asked_for = state.choose(
    st.segmented_control,
    "Ask for",
    "ask",
    list(ASKED),
    "funnel",
    required=True,
    format_func=ASKED.get,
    label_visibility="collapsed",
)
names_of_events = list(queries.ask.events(build).rows["event_name"])
if asked_for == "sql":
    sql()
elif asked_for == "retention":
    retention(names_of_events)
else:
    funnel(names_of_events)
