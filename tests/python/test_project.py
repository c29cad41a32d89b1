"""What the project promises about itself: strict YAML, descriptions, the analyses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.builds import PROJECT, DbtRun, run_dbt

QUESTIONS = [
    "features_of_retained_users",
    "drop_off_before_activation",
    "engagement_by_segment",
    "behaviors_and_churn_risk",
]

# dbt checks YAML against its JSON schema for some adapters only; DuckDB is not among them.
STRICT_PARSE = """
import sys
from dbt.jsonschemas import jsonschemas
jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("duckdb")
from dbt.cli.main import dbtRunner
result = dbtRunner().invoke([
    "parse", "--no-partial-parse", "--show-all-deprecations",
    "--warn-error-options", '{"error": "all"}',
    "--project-dir", sys.argv[1], "--profiles-dir", sys.argv[1],
    "--target-path", sys.argv[2], "--log-path", sys.argv[2],
])
sys.exit(0 if result.success else 1)
"""


def strict_parse(project: Path, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", STRICT_PARSE, str(project), str(target)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def manifest(seeds_build: DbtRun) -> dict[str, Any]:
    return json.loads((seeds_build.warehouse / "target" / "manifest.json").read_text())


def own(manifest: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [
        item
        for item in manifest[kind].values()
        if item["package_name"] == "product_analytics"
    ]


def test_yaml_has_no_unknown_key_and_nothing_deprecated(tmp_path: Path) -> None:
    done = strict_parse(PROJECT, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_key_would_be_found(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in (
        "dbt_project.yml",
        "profiles.yml",
        "models",
        "macros",
        "tests",
        "seeds",
    ):
        (project / name).symlink_to(PROJECT / name)
    (project / "analyses").mkdir()
    (project / "analyses" / "broken.yml").write_text(
        "analyses:\n  - name: none\n    descriptoin: misspelt\n"
    )
    done = strict_parse(project, tmp_path / "target")
    assert done.returncode != 0
    assert "descriptoin" in done.stdout + done.stderr


def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    models = [n for n in own(manifest, "nodes") if n["resource_type"] == "model"]
    missing = [m["name"] for m in models if not m["description"]]
    missing += [
        f"{model['name']}.{column['name']}"
        for model in models
        for column in model["columns"].values()
        if not column["description"]
    ]
    assert not missing


def test_every_mart_has_an_enforced_contract(manifest: dict[str, Any]) -> None:
    without = [
        model["name"]
        for model in own(manifest, "nodes")
        if model["resource_type"] == "model"
        and model["fqn"][1] == "marts"
        and model["language"] == "sql"
        and not model["config"]["contract"]["enforced"]
    ]
    assert not without


def test_models_ref_their_own_layer_or_one_above(manifest: dict[str, Any]) -> None:
    order = ["staging", "core", "marts"]
    layer = {
        node["unique_id"]: order.index(node["fqn"][1])
        for node in own(manifest, "nodes")
        if node["resource_type"] == "model"
    }
    upward = [
        (unique_id, parent)
        for unique_id in layer
        for parent in manifest["nodes"][unique_id]["depends_on"]["nodes"]
        if parent in layer and layer[parent] > layer[unique_id]
    ]
    assert not upward


def test_every_macro_says_what_it_takes(manifest: dict[str, Any]) -> None:
    # The functions of the published file are described where their users look, in
    # docs/ad_hoc_queries.md.
    undescribed = [
        macro["name"]
        for macro in own(manifest, "macros")
        if not macro["name"].startswith(("duckdb__", "spark__", "test_"))
        and "table_functions" not in macro["original_file_path"]
        and not macro["description"]
    ]
    assert not undescribed


def test_known_vars_are_those_of_the_project(seeds_build: DbtRun) -> None:
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    macro = (PROJECT / "macros" / "inputs" / "warn_of_unknown_vars.sql").read_text()
    listed = macro.split("{% macro known_vars() -%}", 1)[1]
    assert all(f"'{name}'" in listed for name in declared)
    assert listed.count("'") == 2 * len(declared)


def test_descriptions_are_comments_in_the_published_file(seeds_build: DbtRun) -> None:
    tables = seeds_build.published(
        "select table_name, comment from duckdb_tables() union all "
        "select view_name, comment from duckdb_views() where not internal"
    )
    columns = seeds_build.published(
        "select table_name, column_name, comment from duckdb_columns() "
        "where not internal"
    )
    assert len(tables) > 15
    assert {"events", "user_features"} <= {table for table, _ in tables}
    assert [table for table, comment in tables if not comment] == []
    assert [(t, c) for t, c, comment in columns if not comment] == []


def test_exposures_name_what_the_dashboard_reads(manifest: dict[str, Any]) -> None:
    modules = (PROJECT / "dashboard" / "queries").glob("*.py")
    queries = "\n".join(module.read_text() for module in modules)
    exposure = next(e for e in own(manifest, "exposures") if e["name"] == "dashboard")
    exposed = {
        unique_id.split(".")[-1] for unique_id in exposure["depends_on"]["nodes"]
    }
    marts = {
        node["name"]
        for node in own(manifest, "nodes")
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    read = {
        mart for mart in marts if f"from {mart}" in queries or f"join {mart}" in queries
    }
    assert read
    assert read <= exposed


@pytest.fixture(scope="module")
def compiled_analyses(seeds_build: DbtRun) -> Path:
    done = run_dbt(
        seeds_build.warehouse, "compile", "--select", "resource_type:analysis"
    )
    assert done.returncode == 0, done.output
    return seeds_build.warehouse / "target/compiled/product_analytics/analyses"


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_analysis_answers_its_question_with_rows(
    question: str, seeds_build: DbtRun, compiled_analyses: Path
) -> None:
    sql = (compiled_analyses / f"{question}.sql").read_text()
    with duckdb.connect(
        str(seeds_build.warehouse / "build.duckdb"), read_only=True
    ) as connection:
        rows = connection.execute(sql).df()
    assert len(rows) > 1
    assert not rows.isin([float("inf"), float("-inf")]).any().any()
