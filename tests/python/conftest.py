"""What tests share: a warehouse folder of their own, and one build of the seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builds import DbtRun, run_dbt


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--batch-seed",
        default="1",
        help="another order of the batches of test_increments.py",
    )


@pytest.fixture
def dbt(tmp_path: Path) -> Callable[..., DbtRun]:
    """`dbt("build", "-s", "...", variables={...})` in a warehouse folder of the test."""

    def run(*arguments: str, **options: Any) -> DbtRun:
        return run_dbt(tmp_path / "warehouse", *arguments, **options)

    return run


@pytest.fixture(scope="session")
def seeds_build(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """One whole build of the seeds, shared: read it, never write to it."""
    warehouse = tmp_path_factory.mktemp("seeds") / "warehouse"
    build = run_dbt(warehouse, "build")
    assert build.returncode == 0, build.output
    return build
