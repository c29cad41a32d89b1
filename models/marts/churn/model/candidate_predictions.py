"""One row per user x as_of_date tested or chosen on: what each candidate would have said."""

from ml.evaluate import predict_later_dates


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features").df()
    usage = dbt.ref("user_event_usage").df()
    labels = dbt.ref("churn_labels").df()
    horizon_days = dbt.config.meta_get("horizon_days")
    return predict_later_dates(features, usage, labels, horizon_days)
