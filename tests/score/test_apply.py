"""Which results are judged, count as wrong, or are left out."""

from __future__ import annotations

import pytest

from pipeline.core.records import Status, Treatment, Verdict
from pipeline.core.settings import ScorerSettings
from pipeline.score.apply import judge
from pipeline.score.policy import default_counts
from pipeline.score.scorers import Scorer, build_scorer
from tests.support.score import said, scorer


def judged(
    status: Status,
    text: str = "A: 18",
    expected: str | None = "18",
    by: Scorer | None = None,
    counts: dict[str, Treatment] | None = None,
) -> Verdict:
    by = by or scorer("number")
    return judge(by, {**default_counts(by.better), **(counts or {})}, status, said(text), expected, {})


def test_an_ok_answer_is_judged() -> None:
    found = judged("ok")
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
    found = judged(status, counts={status: treatment})
    assert (found.value, found.label, found.status) == (value, label, kept)


def test_a_wrong_translation_has_the_sums_of_an_empty_one() -> None:
    found = judged("truncated", text="the cat sat", expected="the cat sat down", by=scorer("bleu"))
    assert (found.value, found.label, found.sums) == (0.0, "truncated", (0, 4, 0, 0, 0, 0, 0, 0, 0, 0))


def test_a_truncated_translation_has_the_edit_rate_that_it_has() -> None:
    found = judged("truncated", text="the cat", expected="the cat sat down", by=scorer("ter"))
    assert (found.value, found.label, found.sums) == (50.0, None, (2, 4))
