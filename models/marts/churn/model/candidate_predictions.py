"""One row per user x as_of_date tested or chosen on: what each candidate says of them."""

from ml.evaluate import predict_later_dates
from ml.relations import history


def model(dbt, session):
    dbt.config(materialized="table")
    learned_from = history(
        dbt.ref("user_features"),
        dbt.ref("user_event_usage"),
        dbt.ref("churn_labels"),
        dbt.ref("churn_sampled_users"),
    )
    return predict_later_dates(*learned_from, dbt.config.meta_get("horizon_days"))
