"""What a lane is to those around it: its jobs, where results go, who watches it, and what an executor needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Protocol

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from pipeline.core.clock import Clock
from pipeline.core.errors import EvalmillError
from pipeline.core.records import Job, Response, Result
from pipeline.core.settings import RunSettings
from pipeline.plan.expand import Shard
from pipeline.run.attempt import Caller
from pipeline.run.control import LaneControl, LaneWatch
from pipeline.run.permits import Permits, PriceOf
from pipeline.run.results import ResultContext

JOBS_AT_A_TIME = 256
"""Jobs rendered together, in a thread, so that reading and rendering do not hold up the answers."""

JobSource = Callable[[Shard], Iterator[Job]]


class Sink(Protocol):
    """Where results go."""

    async def put(self, result: Result) -> None:
        """Take a result, at once; then wait when too many wait to be written."""
        ...

    def put_start(self, job_id: str, at_stake_usd: Decimal | None) -> None:
        """Note what may have been paid for a job that has no result yet; the last note of a job counts."""
        ...


class AnswerCheck(Protocol):
    """Says which answers are of no use, so that they are asked for again."""

    def problem(self, job: Job, response: Response) -> str | None:
        """What is wrong with an answer; None where nothing is."""
        ...


class LaneExecutor(Protocol):
    """Executes shards of one lane. A batch API takes whole shards behind the same interface."""

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Bring every job of `shard` to a result in `sink`; `started` means that the next shard may begin."""
        ...


class LaneObserver(Protocol):
    """Is told what a lane does."""

    def in_flight(self, model: str, change: int) -> None:
        """A request of `model` left (+1) or came back (-1)."""
        ...

    def event(self, model: str, said: str) -> None:
        """Something a user should know at once: the lane waits, or goes on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSetup:
    """What one lane's executor needs."""

    context: ResultContext
    jobs_of: JobSource
    caller: Caller
    permits: Permits
    price_of: PriceOf
    run: RunSettings
    control: LaneControl
    watch: LaneWatch
    observer: LaneObserver
    problem: Callable[[], Awaitable[EvalmillError | None]]
    """Is asked once, when the lane's first request is due: what keeps it from sending, if anything does."""
    clock: Clock
    rng: Random
    check: AnswerCheck | None = None
    """None: answers are held against the schemas that their requests name."""


async def in_chunks(jobs: Iterator[Job]) -> AsyncIterator[Job]:
    """The jobs one by one, read and rendered in a thread some at a time."""
    while chunk := await to_thread.run_sync(lambda: list(islice(jobs, JOBS_AT_A_TIME))):
        for job in chunk:
            yield job
