"""One scorer on one answer: which answers are judged, which count as wrong, which are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.records import Answer, Status, Treatment, Verdict
from pipeline.score.scorers import Scorer
from pipeline.score.verdicts import UNUSABLE_REFERENCE

_NOTHING_SAID = Answer(text="")


def judge(
    scorer: Scorer,
    counts: Mapping[str, Treatment],
    status: Status,
    answer: Answer,
    expected: str | None,
    row: Mapping[str, Any],
) -> Verdict:
    """The verdict on one answer; `counts` says what the statuses other than ok count as.

    Wrong answers have the value 0 and are labelled with their status; what a truncated answer says is still shown.
    An unusable reference leaves any answer unscored, as the fault is not the model's.
    """
    treatment = "scored" if status == "ok" else counts[status]
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
