"""One row per model x split x metric: how the churn model did on later dates."""

from ml.evaluate import backtest


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features").df()
    usage = dbt.ref("user_event_usage").df()
    labels = dbt.ref("churn_labels").df()
    return backtest(features, usage, labels, dbt.config.meta_get("horizon_days"))
