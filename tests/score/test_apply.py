"""Which results are judged, count as wrong, or are left out."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.records import Score, Status, Treatment
from pipeline.core.settings import ScorerSettings
from pipeline.score.apply import score_result
from pipeline.score.scorers import build_scorer
from tests.support.score import said, scorer


def judged(status: Status, text: str = "A: 18", expected: str | None = "18", by: Any = None) -> Score:
    return score_result(
        by or scorer("number"), run_id="r", job_id="j", status=status, answer=said(text), expected=expected, row={}
    )


def test_an_ok_answer_is_judged() -> None:
    found = judged("ok")
    assert (found.run_id, found.job_id, found.scorer) == ("r", "j", "my number")
    assert (found.value, found.passed, found.label, found.extracted, found.status) == (1.0, True, None, "18", "scored")


def test_a_truncated_answer_is_wrong_but_still_shows_what_it_says() -> None:
    found = judged("truncated")
    assert (found.value, found.passed, found.label, found.extracted) == (0.0, False, "truncated", "18")
    assert found.status == "scored"


@pytest.mark.parametrize("status", ["refused", "empty"])
def test_refused_and_empty_answers_are_wrong(status: Status) -> None:
    found = judged(status, text="")
    assert (found.value, found.passed, found.label, found.extracted) == (0.0, False, status, None)


@pytest.mark.parametrize("status", ["error", "blocked", "skipped"])
def test_jobs_without_an_answer_are_left_out(status: Status) -> None:
    found = judged(status, text="")
    assert (found.value, found.passed, found.status, found.label) == (None, None, "left_out", status)


@pytest.mark.parametrize("status", ["ok", "truncated", "refused", "empty"])
def test_an_unusable_reference_leaves_any_answer_unscored(status: Status) -> None:
    assert judged(status, expected="many").status == "unscored"


def test_a_graded_scorer_never_says_passed() -> None:
    settings = ScorerSettings(kind="python", name="s", function="m:f")
    graded = build_scorer(settings, import_function=lambda folder, target: lambda **_: 0.5)
    assert judged("truncated", by=graded).passed is None
    assert judged("truncated", by=graded).value == 0.0


def test_a_function_that_fails_on_a_refusal_does_not_hide_the_refusal() -> None:
    settings = ScorerSettings(kind="python", name="s", function="m:f")
    broken = build_scorer(settings, import_function=lambda folder, target: lambda **_: 1 / 0)
    assert judged("refused", by=broken).value == 0.0
    assert judged("ok", by=broken).status == "unscored"


@pytest.mark.parametrize(
    ("status", "treatment", "value", "label", "kept"),
    [
        ("truncated", "scored", 1.0, None, "scored"),
        ("truncated", "left_out", None, "truncated", "left_out"),
        ("refused", "scored", 1.0, None, "scored"),
        ("error", "wrong", 0.0, "error", "scored"),
    ],
)
def test_the_policy_of_a_scorer_decides(
    status: Status, treatment: Treatment, value: float | None, label: str | None, kept: str
) -> None:
    found = score_result(
        scorer("number"),
        run_id="r",
        job_id="j",
        status=status,
        answer=said("A: 18"),
        expected="18",
        row={},
        counts={status: treatment},
    )
    assert (found.value, found.label, found.status) == (value, label, kept)
