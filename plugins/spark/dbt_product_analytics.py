"""Lets dbt-spark's session method run this project's Python models, on Spark's driver.

dbt imports every module that is called dbt_*; `make spark-setup` puts this one where it
is found. What it adds to the adapter: Python models, which read the tables that Spark has
written as DuckDB relations, and the checks of files that are SQL functions on DuckDB.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dbt.plugins.manager import dbtPlugin

PROJECT = Path(__file__).resolve().parents[2]


class SparkSessionPlugin(dbtPlugin):
    """Puts the adapter in place where the target is Spark."""

    def initialize(self) -> None:
        # dbt has imported the adapter of the target by now, and made no instance of it.
        if "dbt.adapters.spark" not in sys.modules:
            return
        if str(PROJECT) not in sys.path:
            sys.path.append(str(PROJECT))
        from dbt.adapters.factory import FACTORY

        from plugins.remembered_results import forget_on_full_refresh
        from plugins.spark.session_adapter import SparkAdapter

        FACTORY.plugins["spark"].adapter = SparkAdapter
        forget_on_full_refresh(Path(os.environ.get("WAREHOUSE_DIR", "warehouse")))


plugins = [SparkSessionPlugin]
