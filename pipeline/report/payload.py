"""Prepares samples for the page's script: texts cut and made visible, figures already written out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.report import numbers
from pipeline.report.cells import params_text
from pipeline.report.encode import safe_json
from pipeline.report.view import Sample, SampleScore
from pipeline.report.visible import cut

BYTES_A_PAGE = 3_000_000
_FAILED = frozenset({"error", "blocked", "skipped"})


def fit(samples: Iterable[Sample], limit_bytes: int = BYTES_A_PAGE) -> list[dict[str, Any]]:
    """Return the first samples that fit into `limit_bytes` of JSON, ready for the page."""
    fitting: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        entry = as_payload(sample)
        size += len(safe_json(entry).encode()) + 1
        if size > limit_bytes:
            break
        fitting.append(entry)
    return fitting


def as_payload(sample: Sample) -> dict[str, Any]:
    """Return one sample as the page's script reads it; long texts are `{"text", "more"}`."""
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
        "turns": [{"role": turn.role, **_long(turn.text)} for turn in sample.turns],
        "prefill": sample.prefill,
        "answer": _long(sample.answer),
        "thinking": _long(sample.thinking) if sample.thinking else None,
        "error": _long(sample.error) if sample.error else None,
        "scores": [_score(score) for score in sample.scores],
        "decided": decided(sample),
        "input": numbers.count(sample.input_tokens),
        "output": numbers.count(sample.output_tokens),
        "cost": numbers.usd(sample.cost_usd),
        "latency": numbers.milliseconds(sample.latency_ms),
        "attempts": sample.attempts,
    }


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


def _score(score: SampleScore) -> dict[str, Any]:
    return {
        "scorer": score.scorer,
        "value": numbers.metric(score.value, share=False) if score.passed is None else None,
        "passed": score.passed,
        "label": score.label,
        "extracted": _long(score.extracted) if score.extracted is not None else None,
        "expected": _long(score.expected) if score.expected is not None else None,
        "explanation": _long(score.explanation) if score.explanation else None,
        "status": score.status,
    }


def _long(text: str) -> dict[str, Any]:
    shown, more = cut(text)
    return {"text": shown, "more": more}
