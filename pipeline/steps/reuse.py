"""Reuse: answers that earlier runs have paid for become results of this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.records import Job, Result
from pipeline.run.results import ResultContext
from pipeline.run.runner import JOBS_AT_A_TIME
from pipeline.store.reuse import EarlierAnswers, Wanted, find_earlier, no_earlier

_OF_THE_ANSWER = (
    "model_served", "status", "stop_reason", "stop_reason_raw", "stop_sequence", "text", "thinking", "content",
    "tool_calls", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "output_tokens", "thinking_tokens", "usage_source", "usage_raw", "price_id", "lane", "http_status", "request_id",
    "first_token_ms", "latency_ms", "started_at", "finished_at",
)  # fmt: skip
"""Columns that a reused answer keeps."""


def earlier_answers(home: Path, folder: Path, run: Mapping[str, Any]) -> EarlierAnswers:
    """What the other runs below `home` have for the run in `folder`: nothing, if it was begun with --fresh."""
    return no_earlier() if run.get("fresh") else find_earlier(home, folder)


def with_earlier(jobs: Iterator[Job], earlier: EarlierAnswers, context: ResultContext) -> Iterator[Job]:
    """The jobs, with their result where an earlier answer is there for the taking."""
    return _filled(jobs, earlier, context) if len(earlier) else jobs


def _filled(jobs: Iterator[Job], earlier: EarlierAnswers, context: ResultContext) -> Iterator[Job]:
    while chunk := list(islice(jobs, JOBS_AT_A_TIME)):
        wanted = [Wanted((job.fingerprint,), job.repeat, job.row_id) for job in chunk]
        for job, row in zip(chunk, earlier.take(wanted), strict=True):
            yield job if row is None else replace(job, earlier=reused(job, row, context))


def reused(job: Job, row: Mapping[str, Any], context: ResultContext) -> Result:
    """The result of a job that takes the answer of an earlier result: no attempt, no cost."""
    is_copy = row["source"] == "reused"
    return Result(
        job_id=job.job_id,
        fingerprint=job.fingerprint,
        run_id=context.run_id,
        eval=context.eval,
        row_id=job.row_id,
        prompt=job.prompt,
        model=job.model,
        provider=context.model.provider,
        model_requested=context.model.model,
        params=job.params,
        repeat=job.repeat,
        shard=job.shard,
        cost_usd=Decimal(0),
        source="reused",
        reused_from=row["reused_from"] if is_copy else row["run_id"],
        reused_cost_usd=row["reused_cost_usd"] if is_copy else row["cost_usd"],
        **{name: row[name] for name in _OF_THE_ANSWER},
    )
