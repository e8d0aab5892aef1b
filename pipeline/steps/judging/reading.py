"""What judges said: an answer of a judge to a verdict, however it was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.records import Job, Response
from pipeline.score.judge import Judge, Means
from pipeline.score.judge_form import TOOL, Reading

NONCE = "id"
"""The key of a judge's job's `params` under which its nonce stands."""


class VerdictCheck:
    """Has verdicts asked for again that cannot be read."""

    def __init__(self, judge: Judge, means: Mapping[str, Means]) -> None:
        """`means` says by a judge's name how its verdicts are asked for."""
        self._judge = judge
        self._means = means

    def problem(self, job: Job, response: Response) -> str | None:
        """Why a whole answer is no verdict; what was cut off or refused is not asked for again."""
        if response.status != "ok":
            return None
        means, nonce = self._means[job.model], json.loads(job.params).get(NONCE, "")
        return read(self._judge, means, nonce, response.text, response.tool_calls).problem


def read(judge: Judge, means: Means, nonce: str, text: str, tool_calls: Sequence[Mapping[str, Any]]) -> Reading:
    """Read what a judge said."""
    if means == "text" and judge.pattern is not None:
        return judge.form.read_text(judge.pattern, text)
    if means == "tool":
        inputs = [call["input"] for call in tool_calls if call.get("name") == TOOL]
        if len(inputs) != 1:
            return Reading(problem=f"the judge called {TOOL} {len(inputs)} times instead of once")
        return judge.form.read_value(inputs[0], nonce)
    return judge.form.read(text, nonce)


def read_result(judge: Judge, means: Means, result: Mapping[str, Any]) -> Reading:
    """Read a stored result of a judge; one without a whole answer is a problem that says why."""
    status = result["status"]
    if status != "ok":
        why = result["error_message"] or f"its answer is {status}"
        return Reading(problem=f"the judge gave no verdict: {why}", is_failure=status in ("error", "skipped"))
    nonce = json.loads(result["params"]).get(NONCE, "")
    calls = result["tool_calls"]
    return read(judge, means, nonce, result["text"] or "", () if calls is None else json.loads(calls))
