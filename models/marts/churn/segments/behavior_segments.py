"""One row per user to score: the group of users who use the product alike."""

from ml.segments import assign


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features").df()
    usage = dbt.ref("user_event_usage").df()
    return assign(features, usage)
