"""Reuse: answers that earlier runs have paid for become results of this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.core.fingerprint import request_fingerprint
from pipeline.core.records import ANSWERED, Job, Result
from pipeline.plan.expand import Lane
from pipeline.run.lane import JOBS_AT_A_TIME
from pipeline.run.results import ResultContext
from pipeline.steps.choose import Again
from pipeline.steps.limits import OtherLimits, limited, other_limits
from pipeline.steps.prepare import Prepared
from pipeline.store.folder import holds_run
from pipeline.store.reuse import EarlierAnswers, Wanted, find_earlier, no_earlier
from pipeline.store.run_store import RunStore

_OF_THE_ANSWER = (
    "model_served", "status", "stop_reason", "stop_reason_raw", "stop_sequence", "text", "thinking", "content",
    "tool_calls", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "output_tokens", "thinking_tokens", "usage_source", "usage_raw", "price_id", "lane", "http_status", "request_id",
    "first_token_ms", "latency_ms", "started_at", "finished_at",
)  # fmt: skip
"""Columns that a reused answer keeps."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """Gives jobs the answers that earlier runs have for them."""

    earlier: EarlierAnswers
    other_limits: OtherLimits

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files of the earlier runs."""
        self.earlier.close()

    @property
    def notes(self) -> list[str]:
        """What could not be read, in words for the user."""
        return self.earlier.notes

    def fill(self, jobs: Iterator[Job], lane: Lane, context: ResultContext, store: RunStore) -> Iterator[Job]:
        """The jobs, with their result where an earlier answer is there for the taking.

        Jobs that `store` is to ask again are left as they are.
        """
        return self._filled(jobs, lane, context, store) if len(self.earlier) else jobs

    def covers(self, jobs: Iterator[Job], lane: Lane, store: RunStore) -> bool:
        """Whether every one of `jobs` would take an earlier answer; none is taken."""
        return self.earlier.cover(
            None if store.is_redone(job.shard, job.job_id) else self._wanted(job, lane) for job in jobs
        )

    def answered(self, jobs: Sequence[tuple[Lane, Job]]) -> list[bool]:
        """Whether each of `jobs` would take an earlier answer; it counts as taken from then on, and no row is read."""
        return self.earlier.claim([self._wanted(job, lane) for lane, job in jobs])

    def _filled(self, jobs: Iterator[Job], lane: Lane, context: ResultContext, store: RunStore) -> Iterator[Job]:
        while chunk := list(islice(jobs, JOBS_AT_A_TIME)):
            open_jobs = [job for job in chunk if not store.is_redone(job.shard, job.job_id)]
            wanted = [self._wanted(job, lane) for job in open_jobs]
            rows = {job.job_id: row for job, row in zip(open_jobs, self.earlier.take(wanted), strict=True)}
            for job in chunk:
                row = rows.get(job.job_id)
                yield job if row is None else replace(job, earlier=reused(job, row, context))

    def _wanted(self, job: Job, lane: Lane) -> Wanted:
        return Wanted(self._fingerprints(job, lane), job.repeat, job.row_id)

    def _fingerprints(self, job: Job, lane: Lane) -> tuple[str, ...]:
        """The job's own fingerprint, then those that it has under other output limits."""
        limits = self.other_limits.get((job.model, job.params), ())
        if job.request is None or not limits:
            return (job.fingerprint,)
        return (job.fingerprint, *(request_fingerprint(limited(job.request, one), lane.identity) for one in limits))


def may_reuse(home: Path, again: Again) -> bool:
    """Whether a new run may find an earlier answer: there is another run below `home`, and --fresh was not given."""
    return not again.fresh and home.is_dir() and any(holds_run(folder) for folder in home.iterdir())


def find_reuse(home: Path, folder: Path, prepared: Prepared, run: Mapping[str, Any], again: Again) -> Reuse:
    """What the other runs below `home` have for the run in `folder`: nothing, if it was begun with --fresh.

    With --retry, answers of those statuses do not count; if the run was begun with it, a request counts as the same
    under another output limit.
    """
    if run.get("fresh"):
        return Reuse(no_earlier(), {})
    begun_with = run.get("retry") or ()
    statuses = set(ANSWERED) - {*begun_with, *again.retry}
    limits = other_limits(home, folder, prepared) if begun_with else {}
    return Reuse(find_earlier(home, folder, statuses), limits)


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
