"""One row per user to score: the chosen model's output, before the mart casts it."""

from ml.choice import champion
from ml.churn import score_users


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features").df()
    usage = dbt.ref("user_event_usage").df()
    labels = dbt.ref("churn_labels").df()
    horizon_days = dbt.config.meta_get("horizon_days")
    kind = champion(dbt.ref("candidate_choice").df())
    return score_users(features, usage, labels, horizon_days, kind=kind)
