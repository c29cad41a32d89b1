"""One row per population x term of the model that scores the newest as_of_date."""

from ml.relations import scoring_model
from ml.scorecard import scorecard


def model(dbt, session):
    dbt.config(materialized="table")
    return scorecard(
        scoring_model(
            dbt.ref("user_features"),
            dbt.ref("user_event_usage"),
            dbt.ref("churn_labels"),
            dbt.ref("churn_sampled_users"),
            dbt.ref("candidate_choice"),
            dbt.config.meta_get("horizon_days"),
            dbt.config.meta_get("churn_model"),
            dbt.config.meta_get("models_folder"),
            dbt.config.meta_get("memory_folder"),
        )
    )
