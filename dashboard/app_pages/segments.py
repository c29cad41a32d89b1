"""Who the users are: how much they use the product, what for, and how they move."""

import streamlit as st

from dashboard import charts, layout, queries, wording

MOST_EVENTS = 14
NO_STRUCTURE = "no stable structure"

build = layout.build_of_page()
tiers = queries.user_segments.tiers(build)
if tiers.rows.empty:
    st.info("No user was active in the data.", icon=":material/group_off:")
    st.stop()
newest = tiers.rows["as_of_date"].max()
now = tiers.rows[tiers.rows["as_of_date"] == newest]
names = [
    tier for tier in queries.user_segments.TIERS if tier in set(now["engagement_tier"])
]
behaviors = queries.user_segments.behaviors(build)
groups = [name for name in behaviors.rows["behavior_segment"] if name != NO_STRUCTURE]
everybody = now["users"].sum()
gone = now.loc[now["engagement_tier"].isin(["dormant", "lost"]), "users"].sum()

with layout.panel(
    f"{wording.percent(gone / everybody, 0)} of all who ever signed up are dormant or lost",
    "Each user is in one tier a day: by active days of the last 28, new where they just "
    "came, dormant where there were none, lost where there were none in 84.",
    of=tiers,
    means={"Tier": "user_segments.engagement_tier"},
    n=wording.counted(everybody, "user"),
    users=layout.Users(
        ask=lambda tier, behavior: queries.user_segments.users_of(
            build, newest.date(), tier, behavior
        ),
        choices={
            "Tier": {"All": "all"} | {wording.name(name): name for name in names},
            "Behaviour": {"All": "all"}
            | {wording.behavior(name): name for name in groups},
        },
        columns={
            "engagement_tier": "Tier",
            "behavior_segment": "Behaviour",
            "active_days_28": "Active days of 28",
        },
    ),
):
    layout.draw(
        charts.user_segments.tiers(tiers.rows, queries.user_segments.TIERS),
        "Users by engagement tier and date",
        key="tiers",
    )

if not groups:
    with layout.panel("What people use it for"):
        st.caption(
            "No stable structure: however users are grouped by what they do, drawing "
            "them anew gives other groups. So there are none, rather than made-up ones."
        )
else:
    profiles = queries.user_segments.profiles(build, MOST_EVENTS)
    stability = behaviors.rows["stability"].min()
    with layout.panel(
        f"{wording.counted(len(groups), 'group')} of users by what they do",
        "How many times everyone's share of an event a group has, whatever they do in "
        "all. The groups are found again when users are drawn anew "
        f"(overlap {wording.decimal(stability)} or more; below 0.75 there would be none).",
        of=(profiles, behaviors),
        means={
            "Index": "segment_profiles.index",
            "Share": "segment_profiles.share",
            "Stability": "segment_profiles.stability",
        },
        n=wording.counted(behaviors.rows["users"].sum(), "user"),
    ):
        layout.draw(
            charts.user_segments.profiles(profiles.rows),
            "How much more of each event each group does than everyone",
            key="profiles",
        )

left, right = st.columns(2)
retention = queries.user_segments.retention(build)
with left:
    if retention.rows.empty:
        with layout.panel("Who was active later"):
            st.caption("Not known: no date has a closed window after it.")
    else:
        looked_at = retention.rows["as_of_date"].iloc[0]
        with layout.panel(
            "Who was active later",
            f"Share of users of {wording.day(looked_at)} who were active within the "
            f"churn horizon after it; fewer than {queries.SMALL_GROUP} users are grey "
            "and starred.",
            of=retention,
            means={"Active later": "segment_retention.retention_rate"},
        ):
            layout.draw(
                charts.user_segments.retention(retention.rows, queries.SMALL_GROUP),
                "Share of users active later, by tier and group of behaviour",
                key="later",
            )
moves = queries.user_segments.moves(build)
with right:
    if moves.rows.empty:
        with layout.panel("How users move"):
            st.caption("Not known: there is one date only.")
    else:
        then, today = moves.rows[["from_as_of_date", "to_as_of_date"]].iloc[0]
        with layout.panel(
            "How users move",
            f"Of the users of each tier on {wording.day(then)}, the share that is in each "
            f"tier on {wording.day(today)}.",
            of=moves,
            means={"Moves": "segment_moves.share_of_from"},
        ):
            layout.draw(
                charts.user_segments.moves(moves.rows, queries.user_segments.TIERS),
                "Share of users who went from one tier to another",
                key="moves",
            )
