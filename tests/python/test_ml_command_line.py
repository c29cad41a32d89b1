"""`python -m ml`: what it prints and writes is what the build says, and vice versa."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score
from test_ml_artefact import known_by, resealed

from ml import artefact, churn
from ml.__main__ import main
from ml.features import prepare
from tests.builds import PROJECT, DbtRun, published_file, run_dbt

COMMANDS = ["backtest", "train", "score", "card"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def said(result: Result) -> str:
    """What a command that failed says, which is a sentence and no stack."""
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    return result.stderr


@pytest.fixture(scope="module")
def warehouse(seeds_build: DbtRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published build of the seeds, without the file that builds write."""
    folder = tmp_path_factory.mktemp("published") / "warehouse"
    folder.mkdir()
    shutil.copy(seeds_build.warehouse / "current.json", folder)
    shutil.copytree(seeds_build.warehouse / "published", folder / "published")
    for path in folder.rglob("*.duckdb"):
        path.chmod(0o444)
    return folder


@pytest.fixture(scope="module")
def version(warehouse: Path) -> str:
    result = run("train", "--warehouse", warehouse)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_writes_and_gives_an_example(command: str) -> None:
    told = run(command, "--help").stdout
    assert "Writes" in told or "written" in told or "Write" in told
    assert f"python -m ml {command}" in told
    assert "--warehouse" in told
    assert command in run("--help").stdout


def test_help_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: python -m ml [OPTIONS] COMMAND")


def test_backtest_gives_the_metrics_of_the_build(
    seeds_build: DbtRun, warehouse: Path, tmp_path: Path
) -> None:
    output = tmp_path / "metrics.csv"
    result = run("backtest", "--warehouse", warehouse, "--output", output)
    assert result.exit_code == 0, result.output
    columns = "model, split, metric, value, ci_low, ci_high, rows, base_rate"
    published = seeds_build.published(
        f"select {columns} from churn_model_metrics order by 2, 1, 3"
    )
    written = duckdb.sql(
        f"select {columns} from read_csv('{output}') order by 2, 1, 3"
    ).fetchall()
    assert len(written) > 100
    assert written == published
    (auc,) = duckdb.sql(
        f"select value, ci_low, ci_high from read_csv('{output}') where split = 'test' "
        "and metric = 'roc_auc' and model = 'logistic'"
    ).fetchall()
    assert "{:.3f} [{:.3f}, {:.3f}]".format(*auc) in result.stdout
    assert "test new users" in result.stdout
    assert result.stderr == ""


def test_backtest_writes_json_too(warehouse: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics.json"
    result = run(
        "backtest", "--warehouse", warehouse, "--output", output,
        "--test-dates", 1, "--resamples", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = json.loads(output.read_text())
    assert {row["split"] for row in rows} >= {"test", "test new users"}
    assert {type(row["value"]) for row in rows} <= {float, int, type(None)}


def test_training_twice_gives_one_model_of_the_same_bytes(
    warehouse: Path, version: str, tmp_path: Path
) -> None:
    again = run("train", "--warehouse", warehouse, "--output", tmp_path)
    assert again.stdout.strip() == version
    for path in (warehouse / "models/churn" / version).iterdir():
        assert (tmp_path / version / path.name).read_bytes() == path.read_bytes()
    once_more = run("train", "--warehouse", warehouse)
    assert once_more.stdout.strip() == version
    assert "There already" in once_more.stderr


def test_a_trained_model_carries_its_metrics_and_its_card(
    seeds_build: DbtRun, warehouse: Path, version: str
) -> None:
    folder = warehouse / "models/churn" / version
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {
        (row["model"], row["split"], row["metric"]): row["value"]
        for row in manifest["metrics"]
    }
    published = seeds_build.published(
        "select model, split, metric, value from churn_model_metrics "
        "where split in ('test', 'test new users')"
    )
    assert found == {tuple(key): value for *key, value in published}
    card = (folder / "model_card.md").read_text()
    assert manifest["trained_at"] in card
    assert (folder / "model_card_calibration.svg").read_text().startswith("<svg")


def test_a_model_of_other_code_than_the_build_is_not_trained(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ml.churn.METHOD_VERSION", 0)
    result = run("train", "--warehouse", warehouse, "--output", tmp_path)
    assert "Run dbt build" in said(result)
    assert list(tmp_path.iterdir()) == []


def test_scores_of_a_trained_model_are_those_of_the_build(
    seeds_build: DbtRun, warehouse: Path, version: str, tmp_path: Path
) -> None:
    output = tmp_path / "scores.parquet"
    result = run("score", "--warehouse", warehouse, "--output", output)
    assert result.exit_code == 0, result.output
    columns = (
        "user_id, as_of_date, churn_probability, risk_decile, risk_band, top_reason_1, "
        "top_reason_2, top_reason_3, is_new_user"
    )
    written = duckdb.sql(
        f"select {columns}, model_version from '{output}' order by user_id"
    ).fetchall()
    published = seeds_build.published(
        f"select {columns}, model_version || ' (artefact {version})' from churn_scores "
        "order by user_id"
    )
    assert len(written) > 500
    assert written == published


def test_scores_are_the_same_in_every_form(
    warehouse: Path, version: str, tmp_path: Path
) -> None:
    told = run("score", "--warehouse", warehouse, "--version", version).stdout
    for name in ("scores.csv", "scores.parquet"):
        result = run("score", "--warehouse", warehouse, "--output", tmp_path / name)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "scores.csv").read_text() == told
    read = duckdb.sql(f"from '{tmp_path / 'scores.parquet'}'").df()
    lines = told.splitlines()
    assert len(lines) == len(read) + 1
    assert lines[0] == ",".join(read.columns)


def test_without_a_model_the_way_to_one_is_named(
    warehouse: Path, tmp_path: Path
) -> None:
    result = run("score", "--warehouse", warehouse, "--models", tmp_path)
    assert "Train one: python -m ml train" in said(result)


def test_a_missing_version_is_named_with_those_that_exist(
    warehouse: Path, version: str
) -> None:
    result = run("score", "--warehouse", warehouse, "--version", "2026-01-01-0")
    assert "no model '2026-01-01-0'" in said(result)
    assert version in said(result)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_published_file_the_build_is_named(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "models" / "churn" / "2026-01-01-0123456789ab").mkdir(parents=True)
    assert "Run dbt build" in said(run(command, "--warehouse", tmp_path))
    assert not (PROJECT / "reports").exists()


@pytest.mark.parametrize(
    ("command", "ending", "allowed"),
    [
        ("backtest", "xlsx", ".csv, .json"),
        ("score", "duckdb", ".csv, .parquet"),
        ("score", "", ".csv, .parquet"),
    ],
)
def test_an_ending_that_cannot_be_written_is_refused_first(
    command: str, ending: str, allowed: str, tmp_path: Path
) -> None:
    output = tmp_path / f"out.{ending}".rstrip(".")
    result = run(command, "--warehouse", tmp_path, "--output", output)
    assert f"allowed endings are {allowed}" in said(result)


def test_an_output_that_cannot_be_written_leaves_nothing(
    warehouse: Path, version: str, tmp_path: Path
) -> None:
    output = tmp_path / "nowhere" / "scores.csv"
    assert "nowhere" in said(run("score", "--warehouse", warehouse, "--output", output))
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_sees_how_far_it_is(warehouse: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "ml", "backtest", "--resamples", "2"],
        cwd=PROJECT,
        env=os.environ | {"WAREHOUSE_DIR": str(warehouse), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "Learning by date" in shown
    assert "Measuring" in shown
    assert "5/5" in shown
    assert "roc_auc" in done.stdout
    assert "5/5" not in done.stdout


def earlier(seeds_build: DbtRun, folder: Path) -> str:
    """The version of a model kept when all test dates were yet to come."""
    features, usage, labels = (
        seeds_frame(seeds_build, f"from {name}")
        for name in ("user_features", "user_event_usage", "churn_labels")
    )
    ((horizon, kind),) = seeds_build.published(
        "select (select max(label_end_date - as_of_date) from as_of_dates), model "
        "from churn_model_choice where is_champion"
    )
    first_tested = min(dates_tested(seeds_build))
    frames = known_by((features, usage, labels), pd.Timestamp(first_tested), horizon)
    trained = artefact.train(*frames, np.datetime64(first_tested), horizon, kind)
    version, files = artefact.contents(*trained, {})
    artefact.write(folder, version, files)
    return version


def seeds_frame(seeds_build: DbtRun, query: str) -> pd.DataFrame:
    with duckdb.connect(
        str(published_file(seeds_build.warehouse)), read_only=True
    ) as connection:
        return connection.execute(query).df()


def dates_tested(seeds_build: DbtRun) -> list[str]:
    splits = seeds_build.published("select distinct split from churn_model_metrics")
    return [name[5:] for (name,) in splits if name[5:6].isdigit()]


@pytest.fixture(scope="module")
def kept_build(
    seeds_build: DbtRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, DbtRun]:
    """A whole build that scores with a model of weeks ago."""
    warehouse = tmp_path_factory.mktemp("kept") / "warehouse"
    version = earlier(seeds_build, warehouse / "models" / "churn")
    build = run_dbt(warehouse, "build", variables={"churn_model": version})
    assert build.returncode == 0, build.output
    return version, build


def test_a_build_with_a_kept_model_says_so(
    seeds_build: DbtRun, kept_build: tuple[str, DbtRun]
) -> None:
    version, build = kept_build
    query = (
        "select user_id, churn_probability, model_version from churn_scores order by 1"
    )
    kept, trained = build.published(query), seeds_build.published(query)
    assert [user for user, *_ in kept] == [user for user, *_ in trained]
    assert all(told.endswith(f" (artefact {version})") for *_, told in kept)
    assert not any("artefact" in told for *_, told in trained)
    assert [score for _, score, _ in kept] != [score for _, score, _ in trained]


def test_metrics_of_retrained_models_are_told_from_those_of_the_kept_one(
    seeds_build: DbtRun, kept_build: tuple[str, DbtRun]
) -> None:
    _, build = kept_build
    columns = "model, split, metric, value, ci_low, ci_high, rows, is_retrained"
    query = (
        f"select {columns} from churn_model_metrics where split not like 'frozen%' "
        "order by 2, 1, 3"
    )
    assert build.published(query) == seeds_build.published(query)
    assert build.published(
        "select model, bool_and(is_retrained), bool_or(is_retrained) "
        "from churn_model_metrics where model in ('frozen', 'shipped') "
        "group by model order by model"
    ) == [("frozen", False, False), ("shipped", True, True)]
    assert seeds_build.published(
        "select count(*) from churn_model_metrics "
        "where split like 'frozen%' or not is_retrained"
    ) == [(0,)]


def test_a_kept_model_is_measured_on_the_dates_since_its_training(
    kept_build: tuple[str, DbtRun],
) -> None:
    version, build = kept_build
    ((rows, auc, log_loss),) = build.published(
        "select any_value(rows), max(value) filter (metric = 'roc_auc'), "
        "max(value) filter (metric = 'log_loss') "
        "from churn_model_metrics where split = 'frozen' and model = 'frozen'"
    )
    assert build.published(
        "select distinct rows from churn_model_metrics where split = 'test'"
    ) == [(rows,)]
    # Counted from what the kept model says of these dates, by another way.
    features, usage, labels = (
        seeds_frame(build, f"from {name}")
        for name in ("user_features", "user_event_usage", "churn_labels")
    )
    dates = [pd.Timestamp(date) for date in dates_tested(build)]
    assert version[:10] == f"{min(dates):%Y-%m-%d}"
    known = labels[labels["as_of_date"].isin(dates)]
    chosen = features[features["as_of_date"].isin(dates) & features["is_eligible"]]
    used = usage[usage["as_of_date"].isin(dates)]
    kept = artefact.load(
        build.warehouse / "models" / "churn", version, horizon_of(known)
    )
    inputs = prepare(chosen, used, known)
    probability = churn.predict(kept.model, inputs, np.arange(len(chosen)))
    assert len(chosen) == rows
    assert roc_auc_score(inputs.churned, probability) == pytest.approx(auc)
    assert sklearn_log_loss(inputs.churned, probability) == pytest.approx(log_loss)


def test_drift_is_measured_from_what_the_kept_model_learned_from(
    seeds_build: DbtRun, kept_build: tuple[str, DbtRun]
) -> None:
    version, build = kept_build
    reference = (
        "select distinct reference_rows from churn_drift where feature != 'score'"
    )
    learned_from = (
        "select count(*) from user_features inner join churn_labels "
        "using (user_id, as_of_date) where is_eligible and is_closed"
    )
    by_then = f" and label_end_date <= date '{version[:10]}'"
    assert build.published(reference) == build.published(learned_from + by_then)
    assert seeds_build.published(reference) == seeds_build.published(learned_from)
    assert build.published(reference) != seeds_build.published(reference)


def horizon_of(labels: pd.DataFrame) -> int:
    return int((labels["label_end_date"] - labels["as_of_date"]).dt.days.max())


def missing(folder: Path, version: str) -> str:
    return "2026-01-01-0123456789ab"


def changed(folder: Path, version: str) -> str:
    with open(folder / version / "model.skops", "r+b") as file:
        file.write(b"X")
    return version


def of_another_library(folder: Path, version: str) -> str:
    def change(manifest: dict) -> None:
        manifest["versions"]["scikit-learn"] = "0.1"

    return resealed(folder, version, change)


REFUSED = {
    missing: ["There is no model '2026-01-01-0123456789ab'", "It has: "],
    changed: ["model.skops of model", "was changed since it was written"],
    of_another_library: ["was trained with scikit-learn 0.1", "python -m ml train"],
}


@pytest.fixture(scope="module")
def refusals(
    seeds_build: DbtRun,
    warehouse: Path,
    version: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Callable[..., str], DbtRun]:
    """What builds say that are to score with a model that cannot be used."""
    folder = tmp_path_factory.mktemp("refused")

    def build(damage: Callable[..., str]) -> DbtRun:
        copy = folder / damage.__name__
        shutil.copytree(warehouse, copy)
        given = damage(copy / "models" / "churn", version)
        return run_dbt(copy, "build", variables={"churn_model": given})

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(REFUSED, pool.map(build, REFUSED), strict=True))


@pytest.mark.parametrize("damage", REFUSED, ids=lambda damage: damage.__name__)
def test_a_build_with_a_model_that_cannot_be_used_ends_before_it_begins(
    warehouse: Path,
    refusals: dict[Callable[..., str], DbtRun],
    damage: Callable[..., str],
) -> None:
    run = refusals[damage]
    assert run.returncode != 0
    assert "Traceback" not in run.output
    for part in ["var churn_model: ", *REFUSED[damage]]:
        assert part in run.output
    assert not (run.warehouse / "last_build.json").exists()
    assert published_file(run.warehouse).name == published_file(warehouse).name
    assert len(list((run.warehouse / "published").glob("*.duckdb"))) == 1
