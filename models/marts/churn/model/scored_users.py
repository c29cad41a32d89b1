"""One row per user to score: the scoring model's output, before the mart casts it."""

from ml.churn import ranked, score
from ml.relations import scoring_model, to_score


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features")
    usage = dbt.ref("user_event_usage")
    scores_with = scoring_model(
        features,
        usage,
        dbt.ref("churn_labels"),
        dbt.ref("churn_sampled_users"),
        dbt.ref("candidate_choice"),
        dbt.config.meta_get("horizon_days"),
        dbt.config.meta_get("churn_model"),
        dbt.config.meta_get("models_folder"),
        dbt.config.meta_get("memory_folder"),
    )
    return ranked(score(scores_with, *part) for part in to_score(features, usage))
