"""One lane's shards, executed: jobs in order, requests in flight, attempts until there is a result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Protocol

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from pipeline.core.clock import Clock
from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Attempt, Failure, Job, Response, Result, Usage
from pipeline.core.settings import Price, RunSettings
from pipeline.core.tokens import estimate_request_tokens
from pipeline.cost.charges import cost_usd
from pipeline.plan.expand import Shard
from pipeline.run import results
from pipeline.run.attempt import Caller, Exchange
from pipeline.run.control import LaneWatch, RunControl
from pipeline.run.permits import Need, Permit, Permits, PriceOf, max_output_tokens
from pipeline.run.results import ResultContext, Timing
from pipeline.run.retry import UNCHARGED, RetryPolicy, next_delay

JOBS_AT_A_TIME = 256
"""Jobs rendered together, in a thread, so that reading and rendering do not hold up the answers."""

JobSource = Callable[[Shard], Iterator[Job]]


class Sink(Protocol):
    """Where results go."""

    async def put(self, result: Result) -> None:
        """Take a result; waits when too many wait to be written."""
        ...

    def put_start(self, job_id: str) -> None:
        """Note that a request is about to leave, so that a crash can count what was possibly paid."""
        ...


class LaneExecutor(Protocol):
    """Executes shards of one lane. A batch API takes whole shards behind the same interface."""

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Bring every job of `shard` to a result in `sink`; `started` means that the next shard may begin."""
        ...


class FlightObserver(Protocol):
    """Is told what is in flight."""

    def in_flight(self, model: str, change: int) -> None:
        """A request of `model` left (+1) or came back (-1)."""
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
    control: RunControl
    watch: LaneWatch
    observer: FlightObserver
    clock: Clock
    rng: Random


class SyncLane:
    """A lane that sends one request per job."""

    def __init__(self, setup: LaneSetup) -> None:
        """Hold at most `concurrency` requests in flight, over all shards of the lane."""
        self._setup = setup
        self._slots = anyio.Semaphore(setup.run.concurrency)
        self._policy = RetryPolicy(max_attempts=setup.run.max_attempts)

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Dispatch the shard's jobs in order; first come, first served."""
        setup = self._setup
        async with anyio.create_task_group() as flights:
            with setup.control.admission():
                async for job in _in_chunks(setup.jobs_of(shard)):
                    await self._dispatch(job, sink, flights)
                    if setup.control.stopping:
                        break
            task_status.started()

    async def _dispatch(self, job: Job, sink: Sink, flights: anyio.abc.TaskGroup) -> None:
        setup = self._setup
        if job.request is None:
            failure = job.failure or Failure(kind="local", message="the row has no request")
            await sink.put(results.failed(setup.context, job, failure, attempts=(), timing=Timing()))
            return
        ready = setup.clock.monotonic()
        await self._slots.acquire()
        if setup.watch.stopped_by is not None:
            self._slots.release()
            await sink.put(results.skipped(setup.context, job, setup.watch.stopped_by))
            return
        body = setup.caller.encode(job.request)
        need = _need(job, body)
        permit = await setup.permits.acquire(need)
        if permit is None:
            self._slots.release()
            self._out_of_budget()
            return
        flight = _Flight(job=job, body=body, need=need, queue_ms=(setup.clock.monotonic() - ready) * 1000)
        flights.start_soon(self._fly, flight, permit, sink)

    async def _fly(self, flight: _Flight, permit: Permit, sink: Sink) -> None:
        self._setup.observer.in_flight(flight.job.model, +1)
        sink.put_start(flight.job.job_id)
        try:
            result = await self._until_result(flight, permit)
        finally:
            self._slots.release()
            self._setup.observer.in_flight(flight.job.model, -1)
        if result is not None:
            await sink.put(result)

    async def _until_result(self, flight: _Flight, permit: Permit) -> Result | None:
        """Attempt until there is an answer or a final failure; None when the run stops first (the job stays open)."""
        setup = self._setup
        attempts: list[Attempt] = []
        charged = 0
        while True:
            exchange = await setup.caller.send(flight.body)
            outcome = exchange.outcome
            price = self._settle(permit, outcome)
            attempts.append(_attempt(exchange, price))
            if isinstance(outcome, Response):
                setup.watch.answered()
                timing = self._timing(flight, attempts, exchange)
                response = results.with_estimates(outcome, flight.job)
                return results.answered(
                    setup.context, flight.job, response, price=price, attempts=attempts, timing=timing
                )
            charged += outcome.kind not in UNCHARGED
            setup.watch.failed(outcome)
            if outcome.stops != "nothing":
                return self._stopped(flight, outcome, attempts, exchange)
            delay = next_delay(self._policy, outcome, charged, setup.rng)
            if delay is None:
                timing = self._timing(flight, attempts, exchange)
                return results.failed(setup.context, flight.job, outcome, attempts=attempts, timing=timing)
            again = await self._wait(flight, outcome, delay)
            if again is None:
                return None
            permit = again

    def _settle(self, permit: Permit, outcome: Response | Failure) -> Price | None:
        """Return the permit with what really happened; gives the price that holds for this answer."""
        usage = outcome.usage
        price = self._setup.price_of(_all_input(usage))
        self._setup.permits.settle(
            permit,
            usage=usage,
            cost_usd=None if usage is None else cost_usd(usage, price),
            possibly_paid=isinstance(outcome, Response) or outcome.possibly_paid,
        )
        return price

    def _stopped(self, flight: _Flight, failure: Failure, attempts: list[Attempt], exchange: Exchange) -> Result | None:
        """A failure that stops the run leaves the job open; one that stops only the lane ends it."""
        if self._setup.control.stopping:
            return None
        timing = self._timing(flight, attempts, exchange)
        return results.failed(self._setup.context, flight.job, failure, attempts=attempts, timing=timing)

    async def _wait(self, flight: _Flight, failure: Failure, delay: float) -> Permit | None:
        """Wait and get a new permit; None when the run stops meanwhile."""
        setup = self._setup
        if delay > setup.run.max_wait_seconds:
            setup.control.stop(
                StoppedResumable(
                    f"model {flight.job.model!r}: the provider asks to wait {delay:.0f} s, longer than "
                    f"max_wait_seconds = {setup.run.max_wait_seconds:g}: {failure.message}. Run again later to continue"
                )
            )
        if failure.kind == "rate":
            setup.permits.pause(delay)
        permit: Permit | None = None
        with setup.control.admission():
            await setup.clock.sleep(delay)
            permit = await setup.permits.acquire(flight.need)
            if permit is None:
                self._out_of_budget()
        return permit

    def _out_of_budget(self) -> None:
        run = self._setup.run
        self._setup.control.stop(
            StoppedResumable(
                f"the budget of ${run.budget_usd} cannot take the next request. "
                "Everything answered is kept; raise budget_usd (or --budget) and run again to continue"
            )
        )

    def _timing(self, flight: _Flight, attempts: list[Attempt], exchange: Exchange) -> Timing:
        return Timing(
            queue_ms=flight.queue_ms,
            latency_ms=exchange.latency_ms,
            started_at=attempts[0].started_at,
            finished_at=self._setup.clock.now(),
        )


class RecordedLane:
    """A lane whose answers stand in the dataset already."""

    def __init__(self, context: ResultContext, jobs_of: JobSource, control: RunControl) -> None:
        """No provider, no limits, no cost."""
        self._context = context
        self._jobs_of = jobs_of
        self._control = control

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Copy the shard's answers to results."""
        with self._control.admission():
            async for job in _in_chunks(self._jobs_of(shard)):
                await sink.put(self._result(job))
        task_status.started()

    def _result(self, job: Job) -> Result:
        if job.failure is not None:
            return results.failed(self._context, job, job.failure, attempts=(), timing=Timing())
        return results.recorded(self._context, job)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """A job on its way."""

    job: Job
    body: bytes
    need: Need
    queue_ms: float


async def _in_chunks(jobs: Iterator[Job]) -> AsyncIterator[Job]:
    while chunk := await to_thread.run_sync(lambda: list(islice(jobs, JOBS_AT_A_TIME))):
        for job in chunk:
            yield job


def _need(job: Job, body: bytes) -> Need:
    request = job.request
    if request is None:
        raise ValueError(f"job {job.job_id} has no request")
    images = sum(
        block.get("type") == "image"
        for message in request.messages
        if not isinstance(message["content"], str)
        for block in message["content"]
    )
    return Need(
        request_bytes=len(body),
        images=images,
        tools=bool(request.params.get("tools")),
        input_tokens=estimate_request_tokens(request),
        max_tokens=max_output_tokens(request.params),
    )


def _attempt(exchange: Exchange, price: Price | None) -> Attempt:
    outcome = exchange.outcome
    usage = outcome.usage
    failure = outcome if isinstance(outcome, Failure) else None
    return Attempt(
        started_at=exchange.started_at,
        http_status=exchange.http_status,
        error=None if failure is None else f"{failure.kind}: {failure.message[:500]}",
        latency_ms=exchange.latency_ms,
        cost_usd=None if usage is None else cost_usd(usage, price),
        possibly_paid=failure is not None and failure.possibly_paid,
    )


def _all_input(usage: Usage | None) -> int | None:
    """Input of all classes, which decides the price tier."""
    if usage is None or usage.input_tokens is None:
        return None
    return (
        usage.input_tokens
        + (usage.cache_read_tokens or 0)
        + (usage.cache_write_5m_tokens or 0)
        + (usage.cache_write_1h_tokens or 0)
    )
