"""One row per model x split x metric: how the candidates did on the test dates."""

from ml.choice import champion
from ml.evaluate import backtest
from ml.memory import remembered


def model(dbt, session):
    dbt.config(materialized="table")
    kind = champion(dbt.ref("candidate_choice").df())
    tested = dbt.ref("candidate_predictions").filter("split = 'test'")
    return remembered(dbt.config.meta_get("memory_folder"), backtest, tested, kind)
