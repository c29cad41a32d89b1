"""One row per user x as_of_date tested or chosen on: what each candidate says of them."""

from ml.artefact import TRAIN, add_frozen
from ml.candidates import remembering
from ml.evaluate import predict_later_dates
from ml.memory import remembered
from ml.relations import history


def model(dbt, session):
    dbt.config(materialized="table")
    features, usage, labels = history(
        dbt.ref("user_features"),
        dbt.ref("user_event_usage"),
        dbt.ref("churn_labels"),
        dbt.ref("churn_sampled_users"),
    )
    horizon_days = dbt.config.meta_get("horizon_days")
    with remembering():
        predictions = remembered(
            dbt.config.meta_get("memory_folder"),
            predict_later_dates,
            features,
            usage,
            labels,
            horizon_days,
        )
    churn_model = dbt.config.meta_get("churn_model")
    if churn_model == TRAIN:
        return predictions
    return add_frozen(
        predictions,
        features.df(),
        usage.df(),
        horizon_days,
        churn_model,
        dbt.config.meta_get("models_folder"),
    )
