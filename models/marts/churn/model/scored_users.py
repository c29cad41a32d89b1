"""One row per user to score: the chosen model's output, before the mart casts it."""

from ml.churn import ranked, score
from ml.relations import chosen_model, to_score


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.ref("user_features")
    usage = dbt.ref("user_event_usage")
    chosen = chosen_model(
        features,
        usage,
        dbt.ref("churn_labels"),
        dbt.ref("churn_sampled_users"),
        dbt.ref("candidate_choice"),
        dbt.config.meta_get("horizon_days"),
    )
    return ranked(score(chosen, *part) for part in to_score(features, usage))
