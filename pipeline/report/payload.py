"""Prepares samples for the page's script: texts cut, figures as numbers and as they are written.

`encode.plain_json`, through which all of it goes to a page, makes every text visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import params_text
from pipeline.report.view import Sample, SampleAttempt, SampleScore
from pipeline.report.visible import TEXT_LIMIT, visible

_FAILED = frozenset({"error", "blocked", "skipped"})


def as_payload(sample: Sample, limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """Return one sample as the page's script reads it; long texts are `{"text", "more"}`, cut at `limit` characters."""
    left_out = sample.left_out
    return {
        "job": sample.job_id,
        "row": sample.row_id,
        "model": sample.model,
        "prompt": sample.prompt,
        "params": params_text(sample.params),
        "repeat": sample.repeat,
        "status": sample.status,
        "stop": sample.stop_reason,
        "outcome": outcome(sample),
        "turns": [{"role": turn.role, **_long(turn.text, limit)} for turn in sample.turns],
        "prefill": sample.prefill[:limit],
        "answer": _long(sample.answer, limit, left_out.get("answer", 0)),
        "thinking": _long(sample.thinking, limit, left_out.get("thinking", 0)) if sample.thinking else None,
        "tools": _long(sample.tool_calls, limit, left_out.get("tool_calls", 0)) if sample.tool_calls else None,
        "error": _long(sample.error, limit, left_out.get("error", 0)) if sample.error else None,
        "scores": [_score(score, limit) for score in sample.scores],
        "decided": decided(sample),
        "input": sample.input_tokens,
        "output": sample.output_tokens,
        "cost": numbers.usd(sample.cost_usd),
        "usd": None if sample.cost_usd is None else float(sample.cost_usd),
        "latency": numbers.milliseconds(sample.latency_ms),
        "ms": sample.latency_ms,
        "attempts": [_attempt(attempt, limit) for attempt in sample.attempts],
        "usage": {name: value for name, value in sample.usage.items() if value is not None},
        "facts": dict(sample.facts),
    }


def as_text(sample: Sample) -> str:
    """Return all texts of a sample as plain text, each below its name."""
    named: list[tuple[str, str | None]] = [(turn.role, turn.text) for turn in sample.turns]
    named += [("thinking", sample.thinking), ("answer", sample.prefill + sample.answer)]
    named += [("tool calls", sample.tool_calls), ("error", sample.error)]
    for score in sample.scores:
        texts = {"expected": score.expected, "found": score.extracted, "because": score.explanation}
        named += [(f"{score.scorer}: {name}", text) for name, text in texts.items()]
    where = " · ".join(part for part in (sample.model, sample.prompt, params_text(sample.params)) if part)
    head = f"{sample.row_id}\n{where}\n{sample.job_id}\n"
    return visible(head + "".join(f"\n== {name}\n{text}\n" for name, text in named if text))


def outcome(sample: Sample) -> str:
    """Sort a sample by its worst score: failed, wrong, graded, unscored or right."""
    if sample.status in _FAILED:
        return "failed"
    if any(score.passed is False for score in sample.scores):
        return "wrong"
    known = [score for score in sample.scores if score.value is not None]
    if not known:
        return "unscored"
    return "right" if any(score.passed for score in known) else "graded"


def decided(sample: Sample) -> int | None:
    """Return the place of the score that decided the outcome; None where there is none.

    Of several that decide alike, the first with something to show: what was expected, or found.
    """
    deciding = _deciding(sample)
    told = [place for place in deciding if sample.scores[place].expected or sample.scores[place].extracted]
    return next(iter([*told, *deciding]), None)


def _deciding(sample: Sample) -> Sequence[int]:
    kind, scores = outcome(sample), list(enumerate(sample.scores))
    if kind == "wrong":
        return [place for place, score in scores if score.passed is False]
    if kind == "right":
        return [place for place, score in scores if score.passed]
    if kind == "graded":
        graded = [(score.value, place) for place, score in scores if score.value is not None]
        return [place for _, place in sorted(graded)]
    return [place for place, _ in scores]


def _score(score: SampleScore, limit: int) -> dict[str, Any]:
    return {
        "scorer": score.scorer,
        "number": score.value,
        "value": numbers.metric(score.value, share=False) if score.passed is None else None,
        "passed": score.passed,
        "label": score.label,
        "extracted": _long(score.extracted, limit) if score.extracted is not None else None,
        "expected": _long(score.expected, limit) if score.expected is not None else None,
        "explanation": _long(score.explanation, limit) if score.explanation else None,
        "status": score.status,
    }


def _attempt(attempt: SampleAttempt, limit: int) -> dict[str, Any]:
    return {
        "at": attempt.started_at,
        "http": attempt.http_status,
        "error": attempt.error[:limit] if attempt.error else None,
        "latency": numbers.milliseconds(attempt.latency_ms),
        "cost": numbers.usd(attempt.cost_usd),
        "paid": bool(attempt.possibly_paid),
    }


def _long(text: str, limit: int, left_out: int = 0) -> dict[str, Any]:
    return {"text": text[:limit], "more": max(0, len(text) - limit) + left_out}
