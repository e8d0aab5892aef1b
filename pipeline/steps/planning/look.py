"""What a run would send: every job rendered, or those of a random part of the rows; and what is answered already."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Job, Request
from pipeline.core.tokens import estimate_request_tokens
from pipeline.plan.expand import GridCell, Lane
from pipeline.providers.breakpoints import breakpoints
from pipeline.providers.capabilities import capabilities
from pipeline.stats.predict import Range, scaled_up
from pipeline.steps.prepare import Prepared
from pipeline.steps.reuse import Reuse
from pipeline.store.current import read_current

MOST_JOBS = 20_000
"""With more jobs than this, a random part of the rows stands for all."""
SEED = 0
COUNTED = 20
"""Requests of a lane that are kept, to be counted by the provider."""

Numbers = NDArray[np.float64]


@dataclass(slots=True)
class Part:
    """The jobs of one lane under one prompt and grid cell, as far as they were looked at."""

    lane: Lane
    prompt: str
    cell: GridCell
    tokens: list[int] = field(default_factory=list)
    """Estimated input tokens of each open job."""
    rows: list[int] = field(default_factory=list)
    """Which of the rows that were looked at it belongs to."""
    done: int = 0
    """Jobs that have their result already, in the run that would be continued."""
    reused: list[int] = field(default_factory=list)
    """Rows of jobs that earlier runs have answered."""
    caches: bool = False
    """Whether a request asks for a prompt cache."""

    @property
    def per_row(self) -> float:
        """Open jobs for each row that has any: repeats of one row depend on each other."""
        return len(self.rows) / len(set(self.rows)) if self.rows else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found, to be scaled up to all rows."""

    parts: Sequence[Part]
    rows: int
    """Of the evaluation."""
    looked_at: int
    """Of them, rendered."""
    seed: int
    samples: Mapping[str, Sequence[tuple[Request, int]]]
    """By model: some open requests, spread over the rows, each with its estimate."""

    @property
    def is_sample(self) -> bool:
        """Whether rows were left out."""
        return self.looked_at < self.rows

    def open_jobs(self, part: Part) -> Range:
        """Jobs that would be sent."""
        return self._whole(part.rows, None)

    def reused_jobs(self, part: Part) -> Range:
        """Jobs that earlier runs have answered."""
        return self._whole(part.reused, None)

    def open_tokens(self, part: Part) -> Range:
        """The estimate's sum over all jobs that would be sent."""
        return self._whole(part.rows, part.tokens)

    def _whole(self, rows: Sequence[int], weights: Sequence[int] | None) -> Range:
        by_row = np.bincount(rows, weights, minlength=self.looked_at).astype(np.float64)
        return scaled_up(by_row, self.rows).within(0.0, float("inf"))


def look(prepared: Prepared, done: Container[str], reuse: Reuse | None, *, most_jobs: int = MOST_JOBS) -> Look:
    """Render the evaluation's jobs and see which are open: neither in `done` nor answered by an earlier run."""
    plan = prepared.plan
    lanes = [lane for lane in plan.lanes if lane.model.recorded is None]
    picked = _picked(plan.rows, sum(plan.jobs_per_row(lane) for lane in lanes), most_jobs)
    parts = {
        (lane.model.name, prompt, cell.text): Part(lane, prompt, cell)
        for lane in lanes
        for prompt in plan.templates
        for cell in lane.cells
    }
    samples: dict[str, _Kept] = {lane.model.name: _Kept() for lane in lanes}
    dense = {lane.model.name: is_dense(lane) for lane in lanes}
    rows = 0
    for jobs in plan.look(picked, lanes) if lanes else ():
        open_jobs = []
        for lane, job in jobs:
            part = parts[job.model, job.prompt, job.params]
            if job.job_id in done or job.request is None:
                part.done += 1
            else:
                open_jobs.append((lane, job, part))
        answered = _answered(open_jobs, reuse)
        known: dict[int, int] = {}
        for (_, job, part), is_answered in zip(open_jobs, answered, strict=True):
            if is_answered or job.request is None:
                part.reused.append(rows)
                continue
            place = id(job.request)
            if place not in known:
                known[place] = estimate_request_tokens(job.request, dense=dense[job.model])
                part.caches = part.caches or bool(breakpoints(job.request))
            part.tokens.append(known[place])
            part.rows.append(rows)
            samples[job.model].offer(job.request, known[place])
        rows += 1
    return Look(
        parts=list(parts.values()),
        rows=plan.rows,
        looked_at=rows,
        seed=SEED,
        samples={name: kept.kept for name, kept in samples.items()},
    )


def done_jobs(folder: Path, statuses: Container[str] = ()) -> set[str]:
    """The ids of a run's jobs that have a result, but those with one of `statuses`, which are to be asked again."""
    found: set[str] = set()

    def take(page: object) -> None:
        columns = page.select(["job_id", "status"]).to_pydict()  # type: ignore[attr-defined]
        pairs = zip(columns["job_id"], columns["status"], strict=True)
        found.update(job for job, status in pairs if status not in statuses)

    read_current(folder, ("job_id", "status"), take)
    return found


def is_dense(lane: Lane) -> bool:
    """Whether a lane's model has the tokenizer with more tokens for the same text."""
    known = capabilities(lane.provider.name, lane.model.model)
    return known is not None and known.dense_tokens


def _picked(rows: int, jobs_per_row: int, most_jobs: int) -> NDArray[np.int64] | None:
    wanted = max(2, most_jobs // max(1, jobs_per_row))
    if rows <= wanted:
        return None
    return np.sort(np.random.default_rng(SEED).choice(rows, wanted, replace=False)).astype(np.int64)


def _answered(jobs: Sequence[tuple[Lane, Job, Part]], reuse: Reuse | None) -> list[bool]:
    if reuse is None:
        return [False] * len(jobs)
    return reuse.answered([(lane, job) for lane, job, _ in jobs])


class _Kept:
    """A seeded reservoir: each offered request is as likely to be kept as any other (Vitter 1985, algorithm R)."""

    def __init__(self) -> None:
        self.kept: list[tuple[Request, int]] = []
        self._offered = 0
        self._rng = np.random.default_rng(SEED)

    def offer(self, request: Request, tokens: int) -> None:
        self._offered += 1
        if len(self.kept) < COUNTED:
            self.kept.append((request, tokens))
            return
        place = int(self._rng.integers(self._offered))
        if place < COUNTED:
            self.kept[place] = request, tokens
