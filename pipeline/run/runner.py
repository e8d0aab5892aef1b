"""One lane's shards, executed: jobs in order, requests in flight, attempts until there is a result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Literal, Protocol

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from pipeline.core.clock import Clock
from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Attempt, Failure, Job, Response, Result
from pipeline.core.settings import Price, RunSettings
from pipeline.cost.charges import cost_usd
from pipeline.plan.expand import Shard
from pipeline.run import results
from pipeline.run.attempt import Caller, Exchange, Outgoing
from pipeline.run.control import LaneWatch, RunControl
from pipeline.run.need import need_of
from pipeline.run.permits import Need, Permit, Permits, PriceOf
from pipeline.run.results import ResultContext, Timing
from pipeline.run.retry import UNCHARGED, RetryPolicy, next_delay

Unanswered = Literal["final", "open"]
"""How a job without an answer goes on: as a failure, or later, since the run stops."""

JOBS_AT_A_TIME = 256
"""Jobs rendered together, in a thread, so that reading and rendering do not hold up the answers."""

JobSource = Callable[[Shard], Iterator[Job]]


class Sink(Protocol):
    """Where results go."""

    async def put(self, result: Result) -> None:
        """Take a result; waits when too many wait to be written."""
        ...

    def put_start(self, job_id: str, at_stake_usd: Decimal | None) -> None:
        """Note what may have been paid for a job that has no result yet; the last note of a job counts."""
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
        self._slots = anyio.Semaphore(setup.run.concurrency, fast_acquire=True)
        self._policy = RetryPolicy(max_attempts=setup.run.max_attempts)

    async def run(self, shard: Shard, sink: Sink, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Dispatch the shard's jobs in order; first come, first served."""
        setup = self._setup
        async with anyio.create_task_group() as flights:
            with setup.control.admission():
                async for job in in_chunks(setup.jobs_of(shard)):
                    await self._dispatch(job, sink, flights)
                    if setup.control.stopping:
                        break
            task_status.started()

    async def _dispatch(self, job: Job, sink: Sink, flights: anyio.abc.TaskGroup) -> None:
        setup = self._setup
        if job.earlier is not None:
            await sink.put(job.earlier)
            return
        if job.request is None:
            failure = job.failure or Failure(kind="local", message="the row has no request")
            await sink.put(results.failed(setup.context, job, failure, attempts=(), timing=Timing()))
            return
        ready = setup.clock.monotonic()
        await self._slots.acquire()
        await setup.watch.may_send()
        if setup.watch.stopped_by is not None:
            self._slots.release()
            await sink.put(results.skipped(setup.context, job, setup.watch.stopped_by))
            return
        outgoing = setup.caller.encode(job.request)
        need = need_of(job, outgoing.body)
        permit = await setup.permits.acquire(need)
        if permit is None:
            self._slots.release()
            self._out_of_budget(need)
            return
        flight = _Flight(job=job, outgoing=outgoing, need=need, queue_ms=(setup.clock.monotonic() - ready) * 1000)
        flights.start_soon(self._fly, flight, permit, sink)

    async def _fly(self, flight: _Flight, permit: Permit, sink: Sink) -> None:
        """Bring one job to its result; its slot is free once that is handed over, so a slow disk slows sending."""
        setup = self._setup
        setup.observer.in_flight(flight.job.model, +1)
        result: Result | None = None
        try:
            result = await self._until_result(flight, permit, sink)
        finally:
            setup.observer.in_flight(flight.job.model, -1)
            with anyio.CancelScope(shield=True):
                if result is not None:
                    await sink.put(result)
            setup.watch.ended(result)
            self._slots.release()

    async def _until_result(self, flight: _Flight, permit: Permit, sink: Sink) -> Result | None:
        """Attempt until there is an answer or a final failure; None when the run stops first (the job stays open)."""
        setup = self._setup
        attempts: list[Attempt] = []
        charged = 0
        while True:
            sink.put_start(flight.job.job_id, results.at_stake(attempts, permit.bound_usd))
            exchange = await setup.caller.send(flight.outgoing)
            outcome = exchange.outcome
            price, cost = self._settle(permit, outcome)
            attempts.append(results.attempt_record(exchange, cost, permit.bound_usd))
            if isinstance(outcome, Response):
                setup.watch.answered()
                again = await self._once_more(flight, outcome, attempts)
                if again is not None:
                    permit = again
                    continue
                response = results.with_estimates(outcome, flight.job)
                timing = self._timing(flight, attempts, exchange)
                return results.answered(
                    setup.context, flight.job, response, price=price, attempts=attempts, timing=timing
                )
            charged += outcome.kind not in UNCHARGED
            after = await self._after_failure(flight, outcome, charged)
            if isinstance(after, Permit):
                permit = after
                continue
            if after == "open":
                sink.put_start(flight.job.job_id, results.at_stake(attempts, Decimal(0)))
                return None
            timing = self._timing(flight, attempts, exchange)
            return results.failed(setup.context, flight.job, outcome, attempts=attempts, timing=timing)

    async def _once_more(self, flight: _Flight, response: Response, attempts: list[Attempt]) -> Permit | None:
        """A permit to ask again after a first empty answer (reliability P4); None to take the answer as it is."""
        earlier_answer = any(attempt.http_status == 200 and attempt.error is None for attempt in attempts[:-1])
        if response.status != "empty" or earlier_answer or self._policy.max_attempts == 1:
            return None
        return await self._permit_after(0, flight)

    async def _permit_after(self, seconds: float, flight: _Flight) -> Permit | None:
        """Wait, then get a permit for another attempt; None when the run stops, by itself or for want of budget."""
        permit: Permit | None = None
        with self._setup.control.admission():
            await self._setup.clock.sleep(seconds)
            permit = await self._setup.permits.acquire(flight.need)
            if permit is None:
                self._out_of_budget(flight.need)
        return permit

    async def _after_failure(self, flight: _Flight, failure: Failure, charged: int) -> Permit | Unanswered:
        """A permit for the next attempt; or that the failure is final; or that the run stops and the job stays open."""
        setup = self._setup
        setup.watch.failed(failure)
        if failure.stops != "nothing":
            return "open" if setup.control.stopping else "final"
        delay = next_delay(self._policy, failure, charged, setup.rng)
        if delay is None:
            return "final"
        if failure.kind == "rate":
            setup.permits.refused(failure.retry_after_seconds)
        self._stop_if_too_long(flight, failure)
        return await self._permit_after(delay, flight) or "open"

    def _settle(self, permit: Permit, outcome: Response | Failure) -> tuple[Price | None, Decimal | None]:
        """Return the permit with what really happened; gives the price that holds for this answer, and its cost."""
        usage = outcome.usage
        price = self._setup.price_of(results.all_input(usage))
        cost = None if usage is None else cost_usd(usage, price)
        possibly_paid = results.possibly_paid(outcome)
        self._setup.permits.settle(permit, usage=usage, cost_usd=cost, possibly_paid=possibly_paid)
        return price, cost

    def _stop_if_too_long(self, flight: _Flight, failure: Failure) -> None:
        asked, longest = failure.retry_after_seconds, self._setup.run.max_wait_seconds
        if asked is not None and asked > longest:
            self._setup.control.stop(
                StoppedResumable(
                    f"model {flight.job.model!r}: the provider asks to wait {asked:.0f} s, longer than "
                    f"max_wait_seconds = {longest:g}: {failure.message}. Run again later to continue"
                )
            )

    def _out_of_budget(self, need: Need) -> None:
        self._setup.control.stop(
            StoppedResumable(
                f"the budget of ${self._setup.run.budget_usd} cannot take the next request: "
                f"{self._setup.permits.describe(need)}. "
                "Everything answered is kept; raise budget_usd (or --budget) and run again to continue"
            )
        )

    def _timing(self, flight: _Flight, attempts: list[Attempt], exchange: Exchange) -> Timing:
        return Timing(
            queue_ms=flight.queue_ms,
            first_token_ms=exchange.first_token_ms,
            latency_ms=exchange.latency_ms,
            started_at=attempts[0].started_at,
            finished_at=self._setup.clock.now(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """A job on its way."""

    job: Job
    outgoing: Outgoing
    need: Need
    queue_ms: float


async def in_chunks(jobs: Iterator[Job]) -> AsyncIterator[Job]:
    """The jobs one by one, read and rendered in a thread some at a time."""
    while chunk := await to_thread.run_sync(lambda: list(islice(jobs, JOBS_AT_A_TIME))):
        for job in chunk:
            yield job
