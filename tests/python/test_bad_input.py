"""What is wrong in an input or a var is said in a sentence; what is published stays."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.builds import (
    NO_SEEDS,
    PROJECT,
    DbtRun,
    environment_of,
    published_state,
    run_dbt,
)

# The message of a macro for each set of vars; one process, because most of a command is
# its start.
MESSAGES = """
import json, sys
from dbt.cli.main import dbtRunner
quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none"]
manifest = dbtRunner().invoke([*quiet, "parse"]).result
messages = []
for macro, arguments, variables in json.load(sys.stdin):
    result = dbtRunner(manifest=manifest).invoke([
        *quiet, "run-operation", macro,
        "--args", json.dumps(arguments), "--vars", json.dumps(variables),
    ]).result
    messages.append(result.results[0].message or "")
json.dump(messages, open(sys.argv[1], "w"))
"""

# Holds a database open until a line comes.
HOLD = (
    "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); input()"
)

ROW = {"user_id": "u", "event_name": "e", "event_time": "2024-01-01"}
CSV = "user_id,event_name,event_time\nu,e,2024-01-01\n"
CHURN = {
    "horizon_days": 28,
    "active_days": 28,
    "min_tenure_days": 7,
    "as_of_every_days": 7,
    "as_of_dates": 26,
}
GROUPS = {
    "min_events": 10,
    "smoothing_events": 10,
    "sampled_users": 4000,
    "every_days": 28,
    "as_of_dates": 7,
}
BEHAVIOR_IMPACT = {
    "exposure_days": 7,
    "landmark_day": 0,
    "outcome_days": [14, 27],
    "thresholds": [1, 2, 3],
    "reach": [0.02, 0.98],
    "least_users": 30,
    "automatic_share": 0.9,
    "discovery_share": 0.5,
    "false_discovery_rate": 0.05,
    "least_remaining_share": 0.33,
    "most_users": 1000,
}


def behavior_impact(**changes: Any) -> dict[str, Any]:
    return {"behavior_impact": BEHAVIOR_IMPACT | changes}


def funnel(**changes: Any) -> dict[str, Any]:
    return {"name": "f", "steps": [{"name": "s", "event": "e"}]} | changes


def step(**changes: Any) -> dict[str, Any]:
    return {"funnels": [funnel(steps=[{"name": "s", "event": "e"} | changes])]}


def condition(**given: Any) -> dict[str, Any]:
    return step(where=[given])


# File, or var events itself, and what the message says of it.
BAD_EVENTS = {
    "none/*.csv": ["matches no file", "Parquet, CSV or JSON lines"],
    "text.parquet": ["text.parquet", "the .parquet file its ending says"],
    "cut.parquet": ["cut.parquet", "the .parquet file its ending says"],
    "*.parquet": ["cut.parquet", "the .parquet file its ending says"],
    "binary.csv": ["binary.csv", "binary data, not text"],
    "latin.csv": ["latin.csv", "Line: 2", "not utf-8"],
    "not.csv.gz": ["not.csv.gz", "not a GZIP"],
    "nothing.csv": ["is empty: not even a header"],
    "array.json": ["array.json", "one JSON object a line"],
    "sheet.xlsx": ["ends in '.xlsx'", ".parquet, .csv, .tsv, .jsonl"],
    "folder": ["is a folder", "folder/*.parquet"],
    "mixed/*": ["would be read as JSON lines", "is CSV"],
    "short.csv": ["no column 'event_time'", "event_tme", "event_columns"],
    "nobody.csv": ["none of the columns user_id, anonymous_id", "usr_id"],
}
BAD_INPUT_VARS = [
    ({"events": "none"}, ["got none", "allowed are: seed, a path"]),
    ({"events": "what is this"}, ["got 'what is this'", "allowed are: seed, none"]),
    ({"events": "raw.clicks"}, ["no table or view 'raw.clicks'"]),
    ({"event_columns": {"userid": "user_id"}}, ["no column 'userid'", "user_id"]),
    (
        {"event_columns": {"user_id": "customer"}},
        ["'customer' is not one of our columns", "event_id, user_id"],
    ),
    (
        {"event_columns": {"user_id": "user_id", "event_name": "user_id"}},
        ["two columns stand for 'user_id'"],
    ),
    ({"event_columns": "user_id"}, ["got 'user_id'", "{their column: our column}"]),
]
BAD_VARS = [
    ({"as_of_date": "soon"}, ["as_of_date: got 'soon'", "none, or YYYY-MM-DD"]),
    ({"as_of_date": "2023-02-29"}, ["got '2023-02-29'"]),
    ({"as_of_date": "2024-13-01"}, ["got '2024-13-01'"]),
    ({"loaded_until": "now"}, ["loaded_until: got 'now'", "YYYY-MM-DD HH:MM:SS"]),
    ({"loaded_until": "2024-01-01 25:00:00"}, ["got '2024-01-01 25:00:00'"]),
    ({"duplicate_rows": "drop"}, ["duplicate_rows: got 'drop'", "keep, reject"]),
    ({"reporting_timezone": "Mars/Olympus"}, ["'Mars/Olympus'", "Europe/Berlin"]),
    ({"session_timeout_minutes": 0}, ["session_timeout_minutes is '0'", "above 0"]),
    ({"session_timeout_minutes": "30"}, ["is '30'", "numbers above 0"]),
    ({"confidence_level_z": -1}, ["confidence_level_z is '-1'"]),
    ({"passive_events": "seen"}, ["passive_events: got 'seen'", "a list of names"]),
    ({"segments": "plan"}, ["segments: got 'plan'", "a list of names"]),
    ({"segments": ["pl'an"]}, ["pl'an", "without quotes"]),
    ({"segments": ['pl"an']}, ['pl"an', "without quotes"]),
    ({"segments": ["plan", "plan"]}, ["got [plan]", "each once"]),
    ({"segments": ["all"]}, ["not 'all'"]),
    ({"engagement_tiers": {"power": 3}}, ["the key 'power'", "power_days"]),
    ({"behavior_segments": {"min_events": 10}}, ["smoothing_events is missing"]),
    (
        {"behavior_segments": GROUPS | {"min_events": 0}},
        ["min_events is '0'", "from 1"],
    ),
    ({"behavior_segments": GROUPS | {"k": 3}}, ["the key 'k'", "sampled_users"]),
    ({"retention_periods": {"year": 1}}, ["the key 'year'", "day, week, month"]),
    ({"retention_periods": {"day": -1}}, ["day is '-1'", "whole numbers from 0"]),
    ({"retention_periods": {}}, ["got none", "day, week, month"]),
    ({"churn": {"horizon_days": 28}}, ["active_days is missing"]),
    ({"churn": CHURN | {"horizon_days": 0}}, ["horizon_days is '0'", "from 1"]),
    ({"churn": CHURN | {"horizon": 7}}, ["the key 'horizon'", "horizon_days"]),
    ({"behavior_impact": {}}, ["exposure_days is missing", "from 1"]),
    (behavior_impact(days=3), ["the key 'days'", "exposure_days"]),
    (behavior_impact(landmark_day=7), ["landmark_day is 7", "below exposure_days, 7"]),
    (behavior_impact(outcome_days=14), ["outcome_days: got '14'", "[first, last]"]),
    (behavior_impact(outcome_days=[14]), ["got [14]", "[first, last]"]),
    (behavior_impact(outcome_days=[27, 14]), ["got [27, 14]", "not below the first"]),
    (behavior_impact(outcome_days=[6, 14]), ["item 1 is '6'", "whole numbers from 7"]),
    (behavior_impact(reach=[0.1, 2]), ["reach: item 2 is '2'", "from 0 to 1"]),
    (behavior_impact(thresholds=[]), ["thresholds: got an empty list"]),
    (behavior_impact(thresholds=[1, 1]), ["thresholds: got 1 twice"]),
    (behavior_impact(thresholds=[0]), ["thresholds: item 1 is '0'", "from 1"]),
    (behavior_impact(discovery_share="half"), ["discovery_share is 'half'", "0 to 1"]),
    (behavior_impact(most_users=0), ["most_users is '0'", "from 1"]),
    (behavior_impact(left_out_events="e"), ["left_out_events: got 'e'", "a list"]),
    (
        {"churn": CHURN | {"segments": "plan"}},
        ["churn: segments: got 'plan'", "a list"],
    ),
    (
        {"churn": CHURN | {"segments": ["plan", "final result"]}},
        ["churn: segments: got 'final result', allowed are: plan, platform"],
    ),
    (
        {"churn": CHURN | {"leaving_events": "cancelled"}},
        ["churn: leaving_events: got 'cancelled'", "a list of names"],
    ),
    ({"churn": CHURN | {"leaving_events": [1]}}, ["leaving_events: item 1 is '1'"]),
    ({"churn_model": "retrain"}, ["got 'retrain'", "train, or the version"]),
    ({"churn_model": "../2026-05-31-0123456789ab"}, ["churn_model: got '../2026"]),
    ({"activation": {"count": 1}}, ["activation: event is missing"]),
    ({"activation": {"event": "e", "count": 0}}, ["count is '0'", "from 1"]),
    ({"activation": {"event": "e", "days": 3}}, ["the key 'days'", "within_days"]),
    ({"activation": {"event": "e", "within_days": "7"}}, ["within_days is '7'"]),
    ({"funnels": []}, ["an empty list", "one funnel or more"]),
    ({"funnels": funnel()}, ["allowed is a list of {name, order"]),
    ({"funnels": [funnel(name=None)]}, ["name of number 1 is missing"]),
    ({"funnels": [funnel(steps=None)]}, ["'f' has no steps"]),
    ({"funnels": [funnel(), funnel()]}, ["'f' is there twice"]),
    ({"funnels": [funnel(window=3)]}, ["the key 'window'", "window_days"]),
    ({"funnels": [funnel(order="random")]}, ["'f': order: got 'random'", "ordered"]),
    ({"funnels": [funnel(window_days=0)]}, ["'f': window_days is '0'", "above 0"]),
    ({"funnels": [funnel(window_days=-1)]}, ["'f': window_days is '-1'"]),
    ({"funnels": [funnel(window_days="14")]}, ["'f': window_days is '14'"]),
    ({"funnels": [funnel(steps=["e"])]}, ["'f': step 1: got 'e'", "{name, event,"]),
    ({"funnels": [funnel(steps=[{"name": "s"}])]}, ["step 1: event is missing"]),
    ({"funnels": [funnel(steps=[{"event": "e"}])]}, ["step 1: name is missing"]),
    (step(were=[]), ["step 1 has the key 'were'", "name, event, where"]),
    (condition(property="p", op="gt", value=1), ["got 'gt'", "eq, neq, is_set"]),
    (condition(property="p"), ["{property, op, value}"]),
    (condition(op="is_set"), ["property is missing"]),
]
GOOD_VARS = [
    {},
    {"as_of_date": "2024-02-29", "loaded_until": "2024-03-01 00:00"},
    {"segments": ["my plan", "a.b"], "passive_events": []},
    {"churn_model": "2026-05-31-0123456789ab"},
    {"segments": [], "reporting_timezone": "America/Argentina/Buenos_Aires"},
    {"funnels": [funnel(window_days=0.5)], "activation": {"event": "e"}},
    {"churn": CHURN | {"segments": [], "leaving_events": ["it's over"]}},
    step(event=None),
    behavior_impact(left_out_events=["o'clock"], outcome_days=[7, 7], reach=[0, 1]),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that are not what they should be, and of one that is."""
    folder = tmp_path_factory.mktemp("files")
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'u' as user_id, 'e' as event_name, "
            f"date '2024-01-01' as event_time) to '{folder / 'good.parquet'}'"
        )
    parquet = (folder / "good.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(parquet[: len(parquet) // 2])
    (folder / "text.parquet").write_text(CSV)
    (folder / "binary.csv").write_bytes(parquet)
    (folder / "sheet.xlsx").write_bytes(parquet)
    (folder / "latin.csv").write_bytes(CSV.replace("u,e", "u,\xe9").encode("latin-1"))
    (folder / "not.csv.gz").write_text(CSV)
    (folder / "nothing.csv").touch()
    (folder / "array.json").write_text(json.dumps([ROW, ROW], indent=1))
    (folder / "short.csv").write_text(CSV.replace("event_time", "event_tme"))
    (folder / "nobody.csv").write_text(CSV.replace("user_id", "usr_id"))
    (folder / "folder").mkdir()
    (folder / "mixed").mkdir()
    (folder / "mixed" / "a.csv").write_text(CSV)
    (folder / "mixed" / "b.jsonl").write_text(json.dumps(ROW) + "\n")
    return folder


@pytest.fixture(scope="module")
def messages(
    files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, dict[str, Any]], str]:
    """`messages(macro, variables)`: what the macro says of the vars; empty: nothing."""
    good = {"events": str(files / "good.parquet")}
    cases = [
        *(("canonical_select", {"events": str(files / name)}) for name in BAD_EVENTS),
        *(("canonical_select", good | given) for given, _ in BAD_INPUT_VARS),
        *(("check_vars", given) for given, _ in BAD_VARS),
        *(("check_vars", given) for given in GOOD_VARS),
    ]
    folder = tmp_path_factory.mktemp("messages")
    subprocess.run(
        [sys.executable, "-c", MESSAGES, str(folder / "messages.json")],
        cwd=PROJECT,
        env=environment_of(folder),
        input=json.dumps(
            [
                (
                    macro,
                    {"input": "events"} if macro == "canonical_select" else {},
                    given,
                )
                for macro, given in cases
            ]
        ),
        text=True,
        check=True,
    )
    said = json.loads((folder / "messages.json").read_text())
    found = {json.dumps(case): text for case, text in zip(cases, said, strict=True)}

    def message(macro: str, variables: dict[str, Any]) -> str:
        if macro == "canonical_select":
            variables = good | variables
        return found[json.dumps((macro, variables))]

    return message


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_file_that_cannot_be_read_is_named(
    messages: Callable[..., str], files: Path, name: str
) -> None:
    said = messages("canonical_select", {"events": str(files / name)})
    for part in ["var events: ", *BAD_EVENTS[name]]:
        assert part in said


@pytest.mark.parametrize(("given", "parts"), BAD_INPUT_VARS)
def test_a_wrong_input_var_is_named_with_what_is_allowed(
    messages: Callable[..., str], given: dict[str, Any], parts: list[str]
) -> None:
    said = messages("canonical_select", given)
    for part in [f"var {next(iter(given))}: ", *parts]:
        assert part in said


@pytest.mark.parametrize(("given", "parts"), BAD_VARS)
def test_a_wrong_var_is_named_with_what_is_allowed(
    messages: Callable[..., str], given: dict[str, Any], parts: list[str]
) -> None:
    said = messages("check_vars", given)
    for part in parts:
        assert part in said


@pytest.mark.parametrize("given", GOOD_VARS)
def test_vars_that_are_right_are_taken(
    messages: Callable[..., str], given: dict[str, Any]
) -> None:
    assert messages("check_vars", given) == ""


def build_of_a_misspelt_column(warehouse: Path, files: Path) -> DbtRun:
    given = {"events": str(files / "short.csv")}
    return run_dbt(warehouse, "build", variables=NO_SEEDS | given)


def build_of_a_wrong_var(warehouse: Path, files: Path) -> DbtRun:
    return run_dbt(warehouse, "build", variables={"reporting_timezone": "Mars/Olympus"})


def build_in_a_locked_warehouse(warehouse: Path, files: Path) -> DbtRun:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(warehouse / "build.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        holder.stdout.readline()
        run = run_dbt(warehouse, "build")
    finally:
        holder.communicate("\n")
    return DbtRun(
        run.returncode, run.output.replace(str(holder.pid), "<holder>"), warehouse
    )


def build_in_a_folder_that_cannot_be(warehouse: Path, files: Path) -> DbtRun:
    outside = {
        "DBT_TARGET_PATH": str(warehouse / "target"),
        "DBT_LOG_PATH": str(warehouse / "logs"),
    }
    return run_dbt(warehouse / "current.json" / "below", "build", environment=outside)


def build_with_a_wrong_memory_limit(warehouse: Path, files: Path) -> DbtRun:
    given = {"WAREHOUSE_MEMORY_LIMIT": "lots"}
    return run_dbt(warehouse, "build", environment=given)


REFUSED = {
    build_of_a_misspelt_column: ["no column 'event_time'", "event_tme"],
    build_of_a_wrong_var: ["var reporting_timezone: got 'Mars/Olympus'"],
    build_in_a_locked_warehouse: ["(PID <holder>)", "Wait for it or close it"],
    build_in_a_folder_that_cannot_be: ["cannot be written", "WAREHOUSE_DIR"],
    build_with_a_wrong_memory_limit: ["WAREHOUSE_MEMORY_LIMIT: got 'lots'", "8GB"],
}


@pytest.fixture(scope="module")
def refusals(
    seeds_build: DbtRun, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Callable[..., DbtRun], tuple[DbtRun, Path]]:
    """What each of REFUSED gave, and the warehouse that held a published build."""
    folder = tmp_path_factory.mktemp("refused")

    def run(build: Callable[..., DbtRun]) -> tuple[DbtRun, Path]:
        warehouse = folder / build.__name__
        shutil.copytree(seeds_build.warehouse, warehouse)
        return build(warehouse, files), warehouse

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(REFUSED, pool.map(run, REFUSED), strict=True))


@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_a_refused_build_says_why_and_the_published_one_stays(
    seeds_build: DbtRun,
    refusals: dict[Callable[..., DbtRun], tuple[DbtRun, Path]],
    build: Callable[..., DbtRun],
) -> None:
    run, warehouse = refusals[build]
    assert run.returncode != 0, run.output
    assert "Traceback" not in run.output
    for part in REFUSED[build]:
        assert part in run.output
    assert published_state(warehouse) == published_state(seeds_build.warehouse)


@pytest.fixture(scope="module")
def empty_build(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """A whole build of a header without rows, where all that is named is amiss."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "events.csv").write_text("user_id,event_name,event_time\n")
    (folder / "sessions.csv").write_text(
        "user_id,session_id,started_at\n" + "u,s,at noon\n" * 20 + "u,s,\n"
    )
    run = run_dbt(
        folder / "warehouse",
        "build",
        variables=NO_SEEDS
        | {
            "events": str(folder / "events.csv"),
            "sessions": str(folder / "sessions.csv"),
            "loaded_until": "2024-01-01",
            "fun nels": [],
            "funnels": [funnel()],
            "activation": {"event": "it's done"},
            "passive_events": ["seen"],
            "segments": ["plan"],
            "churn": CHURN | {"leaving_events": ["gone"]},
        },
    )
    assert run.returncode == 0, run.output
    return run


def test_no_events_give_empty_marts(empty_build: DbtRun) -> None:
    tables = empty_build.published(
        "select table_name from information_schema.tables order by 1"
    )
    filled = [
        name
        for (name,) in tables
        if empty_build.published(f'select exists (from "{name}")') == [(True,)]
    ]
    assert ("churn_scores",) in tables
    # What is said of no data: when it was built, the definitions that it lacks, and the
    # conventions, with nothing counted.
    assert filled == ["build_info", "data_quality", "metric_sensitivity"]
    assert empty_build.published("select max(n) from metric_sensitivity") == [(0,)]
    assert empty_build.published(
        "select count(*), count(as_of_date), count(data_end) from build_info"
    ) == [(1, 0, 0)]


def test_what_matches_nothing_is_named(empty_build: DbtRun) -> None:
    for part in [
        "Unknown var 'fun nels' has no effect. The nearest that exist: funnels",
        "funnel 'f', step 's': no event is named 'e'",
        "activation: no event is named 'it's done'",
        "passive_events: no event is named 'seen'",
        "churn: leaving_events: no event is named 'gone'",
        "segments: no user has a value of 'plan'",
    ]:
        assert part in empty_build.output


def test_an_input_that_is_set_aside_is_named_and_counted(empty_build: DbtRun) -> None:
    assert (
        "sessions: 21 of 21 rows are set aside "
        "(unparsable_started_at 20, no_started_at 1)"
    ) in empty_build.output
    assert empty_build.published(
        "select check_name, rejected_rows from data_quality "
        "where rejected_rows > 0 order by 1"
    ) == [
        ("sessions: no_started_at", 1),
        ("sessions: unparsable_started_at", 20),
    ]
