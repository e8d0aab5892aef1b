"""Length, latency and cost: measured, or held against limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipeline.core.errors import SettingsError
from pipeline.core.records import Answer
from tests.support.score import said, scorer

ANSWER = Answer(text="cafe\u0301 東京 42!", output_tokens=9, latency_ms=812.5, cost_usd=Decimal("0.0012"))


def measuring(kind: str, **options: Any) -> Any:
    return scorer(kind, expected=None, **options)


@pytest.mark.parametrize(
    ("kind", "options", "value", "unit", "better"),
    [
        ("length", {}, 11, "characters", "neither"),
        ("length", {"of": "words"}, 4, "words", "neither"),
        ("length", {"of": "tokens"}, 9, "tokens", "neither"),
        ("length", {"pattern": r"\d+"}, 2, "characters", "neither"),
        ("latency", {}, 812.5, "ms", "lower"),
        ("cost", {}, 0.0012, "USD", "lower"),
    ],
)
def test_what_is_measured_is_the_value(kind: str, options: Any, value: float, unit: str, better: str) -> None:
    by = measuring(kind, **options)
    verdict = by.score(ANSWER, None, {})
    assert (verdict.value, verdict.passed, verdict.status) == (value, None, "scored")
    assert (by.graded, by.unit, by.better, by.scale) == (True, unit, better, "number")


@pytest.mark.parametrize(
    ("kind", "limits", "passed", "shown"),
    [
        ("length", {"max": 11}, True, "at most 11 characters"),
        ("length", {"max": 10}, False, "at most 10 characters"),
        ("length", {"min": 2, "max": 4, "of": "words"}, True, "at least 2 words, at most 4 words"),
        ("latency", {"max": 812.5}, True, "at most 812.5 ms"),
        ("latency", {"min": 900}, False, "at least 900 ms"),
        ("cost", {"max": 0.0012}, True, "at most 0.0012 USD"),
        ("cost", {"max": 0.00119}, False, "at most 0.00119 USD"),
    ],
)
def test_with_limits_an_answer_passes_or_fails(kind: str, limits: Any, passed: bool, shown: str) -> None:
    by = measuring(kind, **limits)
    verdict = by.score(ANSWER, None, {})
    assert (verdict.value, verdict.passed, verdict.expected) == (float(passed), passed, shown)
    assert (by.graded, by.unit, by.better, by.scale) == (False, "", "higher", "share")


@pytest.mark.parametrize(("kind", "options"), [("latency", {}), ("cost", {"max": 1}), ("length", {"of": "tokens"})])
def test_what_nobody_reported_is_unscored_and_not_zero(kind: str, options: Any) -> None:
    verdict = measuring(kind, **options).score(said("text"), None, {})
    assert (verdict.value, verdict.status, verdict.label) == (None, "unscored", "unknown")


def test_a_pattern_that_matches_nothing_has_no_length() -> None:
    assert measuring("length", pattern="x").score(said("y"), None, {}).status == "unscored"
    assert measuring("length", pattern="x", max=3).score(said("y"), None, {}).label == "no_match"


@pytest.mark.parametrize(
    ("kind", "options", "said_there"),
    [
        ("length", {"min": 5, "max": 4}, "nothing lies between"),
        ("length", {"of": "bytes"}, "of must be one of"),
        ("length", {"of": "tokens", "pattern": "x"}, "remove the pattern"),
        ("latency", {"pattern": "x"}, "pattern belongs to"),
        ("cost", {"max": "cheap"}, "max must be a number"),
    ],
)
def test_options_that_make_no_sense_are_refused(kind: str, options: Any, said_there: str) -> None:
    with pytest.raises(SettingsError, match=said_there):
        measuring(kind, **options)


def test_a_reference_is_refused() -> None:
    with pytest.raises(SettingsError, match="remove expected"):
        scorer("length")
