"""One row per behaviour segment x event: the centers that users are assigned to."""

import duckdb

from ml.memory import remembered
from ml.segments import centers, cluster


def model(dbt, session):
    dbt.config(materialized="table")
    found = remembered(
        dbt.config.meta_get("memory_folder"),
        cluster,
        dbt.ref("behavior_sample"),
        dbt.config.meta_get("min_events"),
        dbt.config.meta_get("smoothing_events"),
    )
    return centers(found, _previous(dbt, session))


def _previous(dbt, session):
    """What the last build found: in this warehouse, else in the published file."""
    try:
        return session.table(f"{dbt.this.schema}.segment_centers").df()
    except duckdb.CatalogException:
        pass
    path = session.sql("select published_current('')").fetchall()[0][0]
    if not path:
        return None
    with duckdb.connect(path, read_only=True) as published:
        try:
            return published.sql("select * from segment_centers").df()
        except duckdb.CatalogException:
            return None
