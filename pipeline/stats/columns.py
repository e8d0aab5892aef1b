"""The stored columns that a summary reads; reading only these saves memory."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core.records import Metric

RESULT_COLUMNS = (
    "job_id",
    "row_id",
    "prompt",
    "model",
    "params",
    "status",
    "stop_reason",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "thinking_tokens",
    "usage_source",
    "cost_usd",
    "source",
    "reused_cost_usd",
    "attempts",
    "first_token_ms",
    "latency_ms",
)
"""Of results."""

SCORE_COLUMNS = ("job_id", "scorer", "value", "passed", "status")
"""Of scores, for every summary; `score_columns` tells which one needs more."""


def score_columns(metrics: Sequence[Metric], *, repeated: bool) -> tuple[str, ...]:
    """The columns of scores that the summary of these metrics needs."""
    sums = ("sums",) if any(metric.corpus for metric in metrics) else ()
    return (*SCORE_COLUMNS, *sums, *(("extracted",) if repeated else ()))
