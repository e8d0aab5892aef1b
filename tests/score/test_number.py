"""The kind `number`, by cases and against 5,276 recorded verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import SettingsError
from tests.support.score import said, scorer

CORRECT = {"6b_finetuning": 286, "6b_verification": 515, "175b_finetuning": 458, "175b_verification": 742}


@pytest.mark.parametrize("pattern", [r"A:\s*(.*)", None])
def test_gsm8k_verdicts_agree_with_the_recorded_ones(shared: Path, pattern: str | None) -> None:
    lines = (shared / "datasets/gsm8k/example_model_solutions.jsonl").read_text("utf-8").splitlines()
    number = scorer("number", pattern=pattern)
    correct = dict.fromkeys(CORRECT, 0)
    for row in map(json.loads, lines):
        expected = row["ground_truth"].rpartition("A:")[2]
        for model in CORRECT:
            verdict = number.score(said(row[model]["solution"]), expected, row)
            assert verdict.passed is row[model]["is_correct"]
            correct[model] += bool(verdict.passed)
    assert correct == CORRECT


CASES: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, "A: 18.00", "18", True),
    ({}, "A: $1,234.50", "1234.5", True),
    ({}, "one half is 1/2", "0.5", True),
    ({}, "1/3", "0.333", False),
    ({}, "18.0000000000000000000000000000000001", "18", False),
    ({}, "50%", "50", True),
    ({}, "50%", "0.5", False),
    ({"percent": True}, "50%", "0.5", True),
    ({"percent": True}, "0.5", "50%", True),
    ({"percent": True}, "50", "50%", False),
    ({"tolerance": 0.5}, "18.5", "18", True),
    ({"tolerance": 0.5}, "18.51", "18", False),
    ({"relative_tolerance": 0.01}, "101", "100", True),
    ({"relative_tolerance": 0.01}, "102", "100", False),
    ({"relative_tolerance": 0.001}, "0.333", "1/3", True),
    ({"decimal_comma": True}, "Es kostet 80.000,50 €", "80.000,5", True),
    ({"decimal_comma": True}, "80.000", "80000", True),
    ({"decimal_comma": True}, "Es kostet 80.000,5 €", "80000.5", True),
    ({}, "\\boxed{\\frac{-1}{2}}", "-0.5", True),
    ({}, "\\frac{-1}{2}", "0.5", False),
    ({}, "I think 18 eggs", "18 eggs", True),
]


@pytest.mark.parametrize(("options", "text", "expected", "passed"), CASES)
def test_numbers_are_compared_by_value(options: dict[str, Any], text: str, expected: str, passed: bool) -> None:
    verdict = scorer("number", **options).score(said(text), expected, {})
    assert verdict.passed is passed
    assert verdict.value == float(passed)
    assert verdict.status == "scored"


def test_what_was_compared_is_shown() -> None:
    verdict = scorer("number", decimal_comma=True).score(said("macht 1.234,50 €"), "1.234,5", {})
    assert (verdict.extracted, verdict.expected) == ("1.234,50", "1.234,5")


@pytest.mark.parametrize("expected", [None, "", "eighteen", "between 3 and 5", "1/0"])
def test_a_reference_that_is_no_number_leaves_the_answer_unscored(expected: str | None) -> None:
    verdict = scorer("number").score(said("18"), expected, {})
    assert (verdict.status, verdict.value, verdict.passed) == ("unscored", None, None)
    assert verdict.explanation is not None
    assert "unusable reference" in verdict.explanation


@pytest.mark.parametrize("text", ["", "I do not know", "A: 9" + "9" * 2000])
def test_an_answer_without_a_readable_number_is_wrong(text: str) -> None:
    verdict = scorer("number").score(said(text), "18", {})
    assert (verdict.passed, verdict.value, verdict.label) == (False, 0.0, "no_match")


def test_a_pattern_narrows_first_and_its_last_match_counts() -> None:
    number = scorer("number", pattern=r"A: *(.*)")
    assert number.score(said("A: 3\nA: 4\n5 is not it"), "4", {}).passed is True
    assert number.score(said("the answer is 4"), "4", {}).label == "no_match"


@pytest.mark.parametrize("option", [{"tolerance": -1}, {"tolerance": "1"}, {"relative_tolerance": float("nan")}])
def test_a_tolerance_must_be_a_finite_amount(option: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="tolerance must be"):
        scorer("number", **option)
