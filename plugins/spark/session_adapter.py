"""dbt-spark's adapter, with Python models that run in the process of dbt itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dbt.adapters.base import PythonJobHelper, available
from dbt.adapters.spark import impl

from plugins.input_files import input_problem
from plugins.spark.python_job import run_python_model


class SessionPythonJob(PythonJobHelper):
    """Runs a compiled Python model where the Spark session is."""

    def __init__(self, parsed_model: dict[str, Any], credentials: Any) -> None:
        self.table = f"{parsed_model['schema']}.{parsed_model['alias']}"

    def submit(self, compiled_code: str) -> None:
        run_python_model(self.table, compiled_code)


class SparkAdapter(impl.SparkAdapter):
    """What macros call as `adapter`; dbt wants it named as the one it stands for."""

    @property
    def default_python_submission_method(self) -> str:
        return "session"

    @property
    def python_submission_helpers(self) -> dict[str, type[PythonJobHelper]]:
        return {"session": SessionPythonJob}

    @available
    def file_function(self, name: str, argument: str) -> str | None:
        """What plugins/warehouse_files.py offers as a SQL function of that name."""
        return {
            "input_problem": _input_problem,
            "churn_model_problem": _churn_model_problem,
        }[name](argument)


def _input_problem(pattern: str) -> str | None:
    # Spark itself says what is wrong with files that are not on this machine.
    return None if "://" in pattern else input_problem(pattern)


def _churn_model_problem(arguments: str) -> str | None:
    from ml.artefact import problem

    warehouse = Path(os.environ.get("WAREHOUSE_DIR", "warehouse"))
    return problem(warehouse / "models" / "churn", **json.loads(arguments))
