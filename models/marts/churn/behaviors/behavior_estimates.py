"""One row per event_name x threshold that can be tested: ml/behaviors.py's estimates."""

from ml.behaviors import estimate
from ml.memory import remembered


def model(dbt, session):
    dbt.config(materialized="table")
    users = dbt.ref("behavior_users").filter("is_sampled")
    exposures = dbt.ref("behavior_exposures").join(
        users.select("user_id"), "user_id", how="semi"
    )
    contrasts = dbt.ref("behavior_contrasts").filter("left_out_reason is null")
    return remembered(
        dbt.config.meta_get("memory_folder"),
        estimate,
        users,
        exposures,
        contrasts.select("event_name, threshold"),
        dbt.config.meta_get("false_discovery_rate"),
        dbt.config.meta_get("confidence_level_z"),
    )
