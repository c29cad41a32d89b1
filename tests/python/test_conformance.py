"""The cases of other tools and our own, and that the runner notices a wrong one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.run import DEFAULT_FOLDER, KINDS, main, run_folder, summary

CASES = sorted(DEFAULT_FOLDER.rglob("*.json"))


def test_every_case_passes_or_is_skipped_for_a_reason() -> None:
    outcomes = run_folder(DEFAULT_FOLDER)
    assert [str(one) for one in outcomes if one.status == "failed"] == []
    assert len(outcomes) == len(CASES)
    for one in outcomes:
        if one.status == "skipped":
            case = json.loads((DEFAULT_FOLDER / f"{one.name}.json").read_text())
            assert one.detail.startswith(f"{case['semantics']}: ")


def test_there_are_cases_of_every_kind() -> None:
    assert {path.relative_to(DEFAULT_FOLDER).parts[0] for path in CASES} == set(KINDS)


def test_a_case_changed_by_one_fails(tmp_path: Path) -> None:
    skipped = {
        one.name for one in run_folder(DEFAULT_FOLDER) if one.status == "skipped"
    }
    written = 0
    for path in CASES:
        name = path.relative_to(DEFAULT_FOLDER).with_suffix("").as_posix()
        if name in skipped:
            continue
        text = path.read_text()
        for place, _ in enumerate(_numbers(json.loads(text)["expected"])):
            if place and place % 7:  # the first number and every seventh
                continue
            case = json.loads(text)
            container, key = list(_numbers(case["expected"]))[place]
            container[key] += 1
            target = tmp_path / f"{name}__{place}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(case))
            written += 1
    outcomes = run_folder(tmp_path)
    assert len(outcomes) == written > len(CASES) / 2
    assert [one.name for one in outcomes if one.status != "failed"] == []
    assert [str(one) for one in outcomes if "expected" not in one.detail] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not readable as JSON"),
        ("[]", "a case is an object"),
        ({"kind": "funnels"}, "kind: got 'funnels', allowed are: active_users"),
        ({"expected": {}}, "nothing is expected"),
        ({"expected": {"newest": {}}}, "expected: got newest, allowed"),
        ({"events": None}, "'events' is missing or not a list"),
        ({"events": [{"user_id": "u1"}]}, "event 1 has no event_name"),
        (
            {"events": [{"user_id": "u", "event_name": "e", "event_time": "noon"}]},
            "event 1 has the event_time 'noon'",
        ),
        ({"timezone": "Mars/Olympus"}, "no timezone 'Mars/Olympus'"),
        ({"params": {"period": "decade"}}, "period: got 'decade', allowed are: minute"),
        ({"params": {"date_from": "soon"}}, "date_from: got 'soon', allowed are"),
        ({"params": {"week_start": "friday", "period": "week"}}, "allowed are: monday"),
        (
            {"params": {"where": [{"property": "p", "op": "like", "value": 1}]}},
            "op of a condition: got 'like'",
        ),
    ],
)
def test_a_broken_case_fails_and_says_why(
    tmp_path: Path, content: Any, reason: str
) -> None:
    if isinstance(content, dict):
        content = json.dumps({**_minimal(), **content})
    (tmp_path / "broken.json").write_text(content)
    (tmp_path / "sound.json").write_text(json.dumps(_minimal()))
    broken, sound = run_folder(tmp_path)
    assert broken.status == "failed"
    assert reason in broken.detail
    assert (sound.status, sound.name) == ("passed", "sound")


def test_a_skip_needs_the_mark_of_the_tool(tmp_path: Path) -> None:
    params = {
        "target": {"event": "e"},
        "returning": {"event": "e"},
        "first_cohort": "2026-01-01",
        "periods": 1,
    }
    cohorts = [{"cohort": "2026-01-01", "values": [7]}]
    case = {
        **_minimal(),
        "kind": "retention",
        "params": params,
        "expected": {"cohorts": cohorts},
    }
    (tmp_path / "a.json").write_text(json.dumps(case))
    marked = {**case, "semantics": "dbt-product-analytics-only"}
    (tmp_path / "b.json").write_text(json.dumps(marked))
    unmarked, skipped = run_folder(tmp_path)
    assert unmarked.status == "failed"
    assert skipped.status == "skipped"
    assert "first event of any kind" in skipped.detail


def test_the_command_counts_and_gives_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sound.json").write_text(json.dumps(_minimal()))
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"
    wrong = _minimal()
    wrong["expected"]["new"]["2026-01-01"] = 2
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "wrong.json").write_text(json.dumps(wrong))
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "failed  deeper/wrong: new.2026-01-01: expected 2, got 1"
    assert lines[-1] == "1 passed, 1 failed, 0 skipped"
    assert summary([]) == "0 passed, 0 failed, 0 skipped"


def _minimal() -> dict[str, Any]:
    return {
        "kind": "lifecycle",
        "params": {"period": "day", "event": "e", "date_from": "2026-01-01"},
        "expected": {"new": {"2026-01-01": 1}},
        "events": [
            {"user_id": "u", "event_name": "e", "event_time": "2026-01-01T00:00:00"}
        ],
    }


def _numbers(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every number inside a value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            yield value, key
        else:
            yield from _numbers(item)
