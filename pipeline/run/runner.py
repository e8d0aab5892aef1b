"""One lane's shards, executed: jobs in order, requests in flight, attempts until there is a result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

import anyio
from anyio.abc import TaskStatus

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Attempt, Failure, Job, Response, Result
from pipeline.core.settings import Price
from pipeline.cost.charges import cost_usd
from pipeline.plan.expand import Shard
from pipeline.providers.capabilities import capabilities
from pipeline.run import results
from pipeline.run.attempt import Exchange, Outgoing
from pipeline.run.blame import PROVIDERS_FAULTS, Blame, Standing
from pipeline.run.breaker import Breaker
from pipeline.run.departures import Departures, Leave
from pipeline.run.lane import JOBS_AT_A_TIME, AnswerCheck, LaneSetup, Sink, in_chunks
from pipeline.run.need import need_of
from pipeline.run.output_check import OutputCheck
from pipeline.run.patience import Patience
from pipeline.run.permits import Need
from pipeline.run.results import Charge, Timing
from pipeline.run.retry import RetryBudget, RetryPolicy, retry_cost

Unanswered = Literal["final", "open"]
"""How a job without an answer goes on: as a failure, or later, since the run stops."""

BEGUN_PER_FLIGHT = 4
"""Jobs that may be begun and wait for another attempt, for each request that may be in flight."""

MOST_BROKEN_OUTPUTS = 2
"""Answers of one job that break their schema and are asked for again; the next one is taken as it is."""


@dataclass(slots=True, kw_only=True)
class _Flight:
    """A job on its way."""

    job: Job
    outgoing: Outgoing
    need: Need
    queue_ms: float
    has_slot: bool = True
    attempts: list[Attempt] = field(default_factory=list)
    met_stale_connection: bool = False
    asked_once_more: bool = False
    """After a first empty answer."""
    broken_outputs: int = 0
    """Answers that broke their schema and were asked for again."""
    problem: str | None = None
    """What is wrong with the latest answer, by its schema."""
    standing: Standing = field(default_factory=Standing)


class SyncLane:
    """A lane that sends one request per job."""

    def __init__(self, setup: LaneSetup) -> None:
        """Hold at most `concurrency` requests in flight, over all shards of the lane."""
        run, model = setup.run, setup.context.model.name
        self._setup = setup
        self._has_begun = False
        self._begun = anyio.Semaphore(BEGUN_PER_FLIGHT * run.concurrency + JOBS_AT_A_TIME, fast_acquire=True)
        self._policy = RetryPolicy(max_attempts=run.max_attempts)
        self._retries = RetryBudget(on_credit=max(1, run.concurrency // 8))
        self._breaker = Breaker(
            run.concurrency, setup.clock, setup.rng, changed=lambda said: setup.observer.event(model, said)
        )
        self._departures = Departures(setup, self._breaker)
        self._blame = Blame(self._policy, self._breaker, setup.clock, setup.rng)
        self._patience = Patience(run, self._breaker, setup.clock)
        self._output: AnswerCheck = setup.check or OutputCheck()
        known = capabilities(setup.context.model.provider, setup.context.model.model)
        self._max_input_tokens = None if known is None else known.max_input_tokens

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
            result = results.failed(setup.context, job, failure, attempts=(), timing=Timing())
            await sink.put(result)
            setup.control.run.ended(result)
            return
        ready = setup.clock.monotonic()
        await self._begun.acquire()
        await setup.watch.may_send()
        if await self._skipped(job, sink) or not await self._may_begin():
            self._begun.release()
            return
        outgoing = setup.caller.encode(job.request)
        need = need_of(job, outgoing.body, max_input_tokens=self._max_input_tokens)
        leave = await self._departures.leave(job, need)
        if leave is not None and setup.watch.has_stopped:
            self._departures.stay(leave)
            leave = None
            await self._skipped(job, sink)
        if leave is None:
            self._begun.release()
            return
        flight = _Flight(job=job, outgoing=outgoing, need=need, queue_ms=(setup.clock.monotonic() - ready) * 1000)
        flights.start_soon(self._fly, flight, leave, sink)

    async def _may_begin(self) -> bool:
        """Whether the lane can send; the run stops if its first request is due and it cannot."""
        if not self._has_begun:
            problem = await self._setup.problem()
            if problem is not None:
                self._setup.control.run.stop(problem)
                return False
            self._has_begun = True
        return True

    async def _skipped(self, job: Job, sink: Sink) -> bool:
        """Put the row of a job that is not sent, if the lane has stopped."""
        stopped_by = self._setup.watch.stopped_by
        if stopped_by is not None:
            await sink.put(results.skipped(self._setup.context, job, stopped_by))
        return stopped_by is not None

    async def _fly(self, flight: _Flight, leave: Leave, sink: Sink) -> None:
        """Bring one job to its result; its slot is free once that is handed over, so a slow disk slows sending."""
        result: Result | None = None
        try:
            result = await self._until_result(flight, leave, sink)
        finally:
            self._setup.watch.ended(result)
            if result is not None:
                self._setup.control.run.ended(result, flight.problem)
            try:
                if result is not None:
                    await sink.put(result)
            finally:
                if flight.has_slot:
                    self._departures.landed()
                self._begun.release()

    async def _until_result(self, flight: _Flight, leave: Leave, sink: Sink) -> Result | None:
        """Attempt until there is an answer or a final failure; None when the run stops first (the job stays open)."""
        setup = self._setup
        while True:
            sink.put_start(flight.job.job_id, results.at_stake(flight.attempts, leave.permit.bound_usd))
            exchange = await self._attempt(flight)
            price = self._settle(flight, leave, exchange)
            outcome = exchange.outcome
            if isinstance(outcome, Response):
                again = await self._once_more(flight, outcome)
                if again is None:
                    return self._answered(flight, exchange, outcome, price)
                leave = again
                continue
            after = await self._after_failure(flight, outcome)
            if after == "final":
                timing = self._timing(flight, exchange)
                return results.failed(setup.context, flight.job, outcome, attempts=flight.attempts, timing=timing)
            if after == "open":
                sink.put_start(flight.job.job_id, results.at_stake(flight.attempts, Decimal(0)))
                return None
            leave = after

    def _answered(self, flight: _Flight, exchange: Exchange, outcome: Response, price: Price | None) -> Result:
        response = results.with_estimates(outcome, flight.job)
        cost = flight.attempts[-1].cost_usd if response is outcome else cost_usd(response.usage, price)
        return results.answered(
            self._setup.context,
            flight.job,
            response,
            charge=Charge(price, cost),
            attempts=flight.attempts,
            timing=self._timing(flight, exchange),
        )

    async def _attempt(self, flight: _Flight) -> Exchange:
        setup, model = self._setup, self._setup.context.model.name
        self._blame.left(flight.standing)
        setup.observer.in_flight(model, +1)
        try:
            return await setup.caller.send(flight.outgoing, new_connection=flight.met_stale_connection)
        finally:
            setup.observer.in_flight(model, -1)

    def _settle(self, flight: _Flight, leave: Leave, exchange: Exchange) -> Price | None:
        """Tell everyone concerned what came of an attempt; gives the price that holds for it."""
        outcome = exchange.outcome
        usage = outcome.usage
        price = self._setup.price_of(results.all_input(usage))
        cost = None if usage is None else cost_usd(usage, price)
        self._setup.permits.settle(leave.permit, outcome, cost_usd=cost, told=exchange.told)
        flight.attempts.append(results.attempt_record(exchange, cost, leave.permit.bound_usd))
        if leave.on_credit:
            self._retries.returned()
        if isinstance(outcome, Response):
            self._blame.answered()
            self._patience.answered()
            self._breaker.answered(tried=leave.tries)
            self._retries.answered()
            self._setup.watch.answered()
        elif outcome.kind in PROVIDERS_FAULTS:
            if not self._is_excused(flight, outcome):
                self._breaker.faulted(tried=leave.tries)
        else:
            self._breaker.answered(tried=leave.tries)  # a refusal is an answer: the provider is there
        if leave.tries:
            self._breaker.tried()
        return price

    async def _once_more(self, flight: _Flight, response: Response) -> Leave | None:
        """Leave to ask again after an answer that is of no use; None to take the answer as it is.

        Once after an empty one (reliability P4), twice after one that breaks the schema it was asked to follow (P6).
        """
        only_once = self._policy.max_attempts == 1
        problem = self._output.problem(flight.job, response)
        flight.problem = None if problem is None else self._setup.context.scrubber.scrub_known(problem)
        if response.status == "empty":
            if flight.asked_once_more or only_once:
                return None
            flight.asked_once_more = True
            return await self._again(flight, 0, None)
        if flight.problem is None or flight.broken_outputs == MOST_BROKEN_OUTPUTS or only_once:
            return None
        flight.broken_outputs += 1
        flight.attempts[-1] = replace(flight.attempts[-1], error=f"output: {flight.problem}")
        return await self._again(flight, 0, None)

    async def _after_failure(self, flight: _Flight, failure: Failure) -> Leave | Unanswered:
        """Leave for the next attempt; or that the failure is final; or that the run stops and the job stays open."""
        setup = self._setup
        setup.watch.failed(failure)
        if failure.stops != "nothing":
            return "open" if setup.control.stopping else "final"
        if self._is_excused(flight, failure):
            flight.met_stale_connection = True
            return await self._again(flight, 0, None) or "open"
        wait_seconds = self._blame.wait_seconds(flight.standing, failure)
        if wait_seconds is None:
            return "final"
        self._mind_the_wait(failure)
        return await self._again(flight, wait_seconds, failure) or "open"

    def _is_excused(self, flight: _Flight, failure: Failure) -> bool:
        """A first stale connection is nobody's fault: the request goes out again at once, over a new one (N13)."""
        return failure.stale_connection and not flight.met_stale_connection

    async def _again(self, flight: _Flight, seconds: float, failure: Failure | None) -> Leave | None:
        """Give the slot up for `seconds`, then get leave for another attempt; None when the run stops."""
        leave: Leave | None = None
        self._departures.landed()
        flight.has_slot = False
        with self._setup.control.admission():
            await self._setup.clock.sleep(seconds)
            on_credit = False
            if failure is not None and failure.kind != "rate":
                on_credit = await self._retries.take(retry_cost(failure))
            try:
                leave = await self._departures.leave(flight.job, flight.need, on_credit=on_credit)
            finally:
                if leave is None and on_credit:
                    self._retries.returned()
            flight.has_slot = leave is not None
        return leave

    def _mind_the_wait(self, failure: Failure) -> None:
        """Say so where the provider makes the lane wait for long, and hold the lane where that is too long."""
        wait, model = self._patience.failed(failure), self._setup.context.model.name
        if wait is None:
            return
        said = f"the provider {wait.said}: {failure.message}"
        if wait.is_too_long:
            self._setup.control.hold(StoppedResumable(f"model {model!r}: {said}. Run again later to continue"))
        else:
            self._setup.observer.event(model, said)

    def _timing(self, flight: _Flight, exchange: Exchange) -> Timing:
        return Timing(
            queue_ms=flight.queue_ms,
            first_token_ms=exchange.first_token_ms,
            latency_ms=exchange.latency_ms,
            started_at=flight.attempts[0].started_at,
            finished_at=self._setup.clock.now(),
        )
