"""The project to build, whole, or a small one of the same plugins, macros and models."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.builds import PROJECT, DbtRun, run_dbt, start_dbt

SHARED = ["dbt_project.yml", "profiles.yml", "macros", "plugins"]
MODELS = [
    "_columns__docs.md",
    "staging/base",
    "staging",
    "core",
    "marts/quality",
    "marts/churn/features",
]
ASSERTIONS = ["assert_every_source_row_is_modelled_or_rejected.sql"]
# It reads the other marts, which the small project does not have.
LEFT_OUT = "metric_sensitivity"


def make_small_project(folder: Path) -> Path:
    """A project that publishes: staging, core, marts of quality and those by day."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        (folder / name).symlink_to(PROJECT / name)
    (folder / "tests" / "assertions").mkdir(parents=True)
    (folder / "tests" / "generic").symlink_to(PROJECT / "tests" / "generic")
    for name in ASSERTIONS:
        shutil.copy(
            PROJECT / "tests/assertions" / name, folder / "tests/assertions" / name
        )
    for name in MODELS:
        source, target = PROJECT / "models" / name, folder / "models" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        paths = source.iterdir() if source.is_dir() else [source]
        for path in paths:
            is_unit_tests = path.name.endswith("__unit_tests.yml")
            if path.is_file() and path.stem != LEFT_OUT and not is_unit_tests:
                link = target / path.name if source.is_dir() else target
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
    described = folder / "models" / "marts" / "quality" / "_quality__models.yml"
    models = yaml.safe_load(described.read_text())["models"]
    described.unlink()
    kept = [model for model in models if model["name"] != LEFT_OUT]
    described.write_text(yaml.safe_dump({"models": kept}))
    return folder


@dataclass(frozen=True)
class Builder:
    """Builds of a project on one warehouse folder, of the same vars."""

    project: Path
    warehouse: Path
    variables: dict[str, Any]

    def build(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> DbtRun:
        return run_dbt(
            self.warehouse,
            *self._build(*arguments),
            variables=self.variables,
            environment=environment,
        )

    def start_build(
        self, *arguments: str, output: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """A build that goes on meanwhile, in a process group of its own."""
        return start_dbt(
            self.warehouse,
            *self._build(*arguments),
            variables=self.variables,
            output=output,
        )

    def _build(self, *arguments: str) -> list[str]:
        folder = ["--project-dir", str(self.project), "--profiles-dir", str(PROJECT)]
        return ["build", "--exclude-resource-type", "unit_test", *folder, *arguments]
