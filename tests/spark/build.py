"""A dbt command on Spark in one process, after which every relation is Parquet files.

``python -m tests.spark.build build --select ...`` passes its arguments to dbt, with
``--target spark``. Spark writes tables as Parquet in the warehouse folder; views are
written beside them, so that a reader needs no Spark.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.builds import PROJECT, environment_of

PLUGIN = PROJECT / "plugins" / "spark"
# No test of dbt's: they hold for the tables of DuckDB, with which these are compared.
WITHOUT_TESTS = ["--exclude", "resource_type:test", "resource_type:unit_test"]
SCHEMAS = ("seeds", "staging", "core", "marts")
# Of a JVM that lives for some minutes on two cores.
JAVA_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"


def missing() -> str | None:
    """What keeps Spark from running here, as a sentence, or None."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (make spark-setup)"
    home = os.environ.get("JAVA_HOME")
    if not shutil.which(f"{home}/bin/java" if home else "java"):
        return "Java is not installed (17 or newer)"
    return None


def spark_environment_of(warehouse: Path) -> dict[str, str]:
    """The environment of a dbt command, and of Spark's own, on a warehouse folder."""
    return {
        **environment_of(warehouse),
        "SPARK_CONF_DIR": str(PROJECT / "tests" / "spark" / "conf"),
        "JDK_JAVA_OPTIONS": JAVA_OPTIONS,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def build_on_spark(
    warehouse: Path, *arguments: str, variables: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `dbt <arguments> --target spark` on a warehouse folder."""
    command = [sys.executable, "-m", "tests.spark.build", *arguments]
    if variables is not None:
        command += ["--vars", json.dumps(variables)]
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=spark_environment_of(warehouse),
        capture_output=True,
        text=True,
        check=False,
    )


def relation_files(warehouse: Path) -> dict[str, str]:
    """{schema.relation: glob of its Parquet files} of what was built on Spark."""
    return {
        f"{schema}.{folder.name}": str(folder / "*.parquet")
        for schema in SCHEMAS
        for folder in sorted((warehouse / "spark" / f"{schema}.db").glob("*"))
    }


def main(arguments: list[str]) -> int:
    from dbt.cli.main import dbtRunner

    sys.path.append(str(PLUGIN))
    on_spark = ["--target", "spark", "--threads", "2"]
    if not dbtRunner().invoke([*arguments, *on_spark]).success:
        return 1
    _write_views(Path(os.environ["WAREHOUSE_DIR"]).resolve())
    return 0


def _write_views(warehouse: Path) -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    for schema in filter(spark.catalog.databaseExists, SCHEMAS):
        for view in spark.catalog.listTables(schema):
            if view.tableType == "VIEW":
                folder = warehouse / "spark" / f"{schema}.db" / view.name
                rows = spark.table(f"{schema}.{view.name}").coalesce(1)
                rows.write.mode("overwrite").parquet(folder.as_uri())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
