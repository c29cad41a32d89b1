"""One row per candidate: how it did on the selection dates, and which one is shipped."""

from ml.choice import choose


def model(dbt, session):
    dbt.config(materialized="table")
    compared = dbt.ref("candidate_predictions").filter("split = 'selection'")
    return choose(compared.df())
