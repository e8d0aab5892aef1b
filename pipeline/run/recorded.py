"""A lane whose answers the dataset holds already."""

from __future__ import annotations

import anyio
from anyio.abc import TaskStatus

from pipeline.core.records import Job, Result
from pipeline.plan.expand import Shard
from pipeline.run import results
from pipeline.run.control import LaneControl
from pipeline.run.lane import JobSource, Sink, in_chunks
from pipeline.run.results import ResultContext, Timing


class RecordedLane:
    """A lane whose answers stand in the dataset already."""

    def __init__(self, context: ResultContext, jobs_of: JobSource, control: LaneControl) -> None:
        """No provider, no limits, no cost."""
        self._context = context
        self._jobs_of = jobs_of
        self._control = control

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Copy the shard's answers to results."""
        with self._control.admission():
            async for job in in_chunks(self._jobs_of(shard)):
                await sink.put(self._result(job))
        task_status.started()

    def _result(self, job: Job) -> Result:
        if job.failure is not None:
            return results.failed(self._context, job, job.failure, attempts=(), timing=Timing())
        return results.recorded(self._context, job)
