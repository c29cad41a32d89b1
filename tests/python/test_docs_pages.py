"""Pages that are written by a script say what it says today."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from docs import what_each_tool_says
from ml import card
from ml.__main__ import main
from tests.builds import PROJECT, DbtRun


@pytest.fixture(scope="module")
def our_answers() -> dict[str, str]:
    """This project's answer to each case, by title."""
    cases = what_each_tool_says.CASES
    answers = what_each_tool_says.our_answers(cases)
    return {case.title: answer for case, answer in zip(cases, answers, strict=True)}


def test_what_each_tool_says_is_up_to_date(our_answers, monkeypatch):
    monkeypatch.setattr(
        what_each_tool_says, "our_answers", lambda cases: list(our_answers.values())
    )
    assert (
        what_each_tool_says.PAGE.read_text(encoding="utf-8")
        == what_each_tool_says.page()
    ), "run: python -m docs.what_each_tool_says"


@pytest.mark.parametrize(
    ("title", "answer"),
    [
        ("Steps at one instant", "ann, ben, dua"),
        ("Which attempt counts", "6 / 4 / 2"),
        ("A step that repeats", "ben, cem"),
        ("Excluded events", "3 / 3 / 2"),
        ("Period 0, and what a day is", "25 %, 75 %"),
        ("Periods that have not ended", "62.5 %"),
        ("Averages over cohorts", "40 %"),
        ("WAU and MAU", "4, 6"),
        ("Sessions at the timeout and over midnight", "ann 1, ben 2, cem 2, dua 1"),
    ],
)
def test_our_answers_are_those_counted_by_hand(our_answers, title, answer):
    assert our_answers[title] == answer


@pytest.mark.parametrize("case", what_each_tool_says.CASES, ids=lambda case: case.title)
def test_tools_disagree_on_every_stream(case):
    assert len({rule.answer(case.stream) for rule in case.rules}) > 1


@pytest.mark.parametrize("name", [card.CARD_FILE, card.PLOT_FILE])
def test_the_model_card_is_up_to_date(
    seeds_build: DbtRun, tmp_path: Path, name: str
) -> None:
    arguments = ["card", "--warehouse", seeds_build.warehouse, "--output", tmp_path]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    committed = PROJECT / "docs" / name
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert committed.read_text(encoding="utf-8") == written, "run: make build card"
