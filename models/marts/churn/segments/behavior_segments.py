"""One row per behaviour segment x event: the centers that users are assigned to."""

import duckdb

from ml.segments import find


def model(dbt, session):
    dbt.config(materialized="table")
    return find(
        dbt.ref("behavior_sample").df(),
        previous=_previous(dbt, session),
        min_events=dbt.config.meta_get("min_events"),
        smoothing=dbt.config.meta_get("smoothing_events"),
    )


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
