"""One scorer on one result: which answers are judged, which count as wrong, which are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.records import Answer, Score, Status, Treatment, Verdict
from pipeline.score.policy import default_counts
from pipeline.score.scorers import Scorer
from pipeline.score.verdicts import UNUSABLE_REFERENCE

_NOTHING_SAID = Answer(text="")


def score_result(  # noqa: PLR0913  # the columns of a result and its row, by name
    scorer: Scorer,
    *,
    run_id: str,
    job_id: str,
    status: Status,
    answer: Answer,
    expected: str | None,
    row: Mapping[str, Any],
    counts: Mapping[str, Treatment] | None = None,
) -> Score:
    """Score one result; `counts` says what the statuses other than ok count as, None is the scorer's default.

    Wrong answers have the value 0 and are labelled with their status; what a truncated answer says is still shown.
    An unusable reference leaves any answer unscored, as the fault is not the model's.
    """
    treatment: Treatment = (default_counts(scorer.better) if counts is None else counts).get(status, "scored")
    verdict = judge(scorer, status, treatment, answer, expected, row)
    return Score(
        run_id=run_id,
        job_id=job_id,
        scorer=scorer.name,
        value=verdict.value,
        passed=verdict.passed,
        label=verdict.label,
        extracted=verdict.extracted,
        expected=verdict.expected,
        explanation=verdict.explanation,
        status=verdict.status,
        sums=verdict.sums,
    )


def judge(  # a scorer's own four arguments, with the status and what it counts as
    scorer: Scorer,
    status: Status,
    treatment: Treatment,
    answer: Answer,
    expected: str | None,
    row: Mapping[str, Any],
) -> Verdict:
    """The verdict on one answer, as what its status counts as."""
    if treatment == "left_out":
        return Verdict(value=None, label=status, expected=expected, status="left_out")
    verdict = scorer.score(answer, expected, row)
    if treatment == "scored" or verdict.label == UNUSABLE_REFERENCE:
        return verdict
    return replace(
        verdict,
        value=0.0,
        passed=None if scorer.graded else False,
        label=status,
        extracted=verdict.extracted if status == "truncated" else None,
        explanation=f"the answer is {status}; it counts as wrong",
        status="scored",
        sums=None if scorer.corpus is None else scorer.score(_NOTHING_SAID, expected, row).sums,
    )
