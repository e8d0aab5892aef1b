"""One scorer on one result: which answers are judged, which count as wrong, which are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.records import Answer, Score, Status, Verdict
from pipeline.score.scorers import Scorer
from pipeline.score.verdicts import UNUSABLE_REFERENCE

COUNTED_AS_WRONG: frozenset[Status] = frozenset({"truncated", "refused", "empty"})
LEFT_OUT: frozenset[Status] = frozenset({"error", "blocked", "skipped"})


def score_result(  # noqa: PLR0913  # the columns of a result and its row, by name
    scorer: Scorer,
    *,
    run_id: str,
    job_id: str,
    status: Status,
    answer: Answer,
    expected: str | None,
    row: Mapping[str, Any],
) -> Score:
    """Score one result.

    Truncated, refused and empty answers are wrong, labelled with their status; what a truncated answer says is still
    shown. Errors, blocked and skipped jobs are left out. An unusable reference leaves any answer unscored, as the
    fault is not the model's.
    """
    verdict = _judge(scorer, status, answer, expected, row)
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
    )


def _judge(scorer: Scorer, status: Status, answer: Answer, expected: str | None, row: Mapping[str, Any]) -> Verdict:
    if status in LEFT_OUT:
        return Verdict(value=None, label=status, expected=expected, status="left_out")
    verdict = scorer.score(answer, expected, row)
    if status not in COUNTED_AS_WRONG or verdict.label == UNUSABLE_REFERENCE:
        return verdict
    return replace(
        verdict,
        value=0.0,
        passed=None if scorer.graded else False,
        label=status,
        extracted=verdict.extracted if status == "truncated" else None,
        explanation=f"the answer is {status}; it counts as wrong",
        status="scored",
    )
