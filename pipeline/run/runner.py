"""One lane's shards, executed: jobs in order, requests in flight, attempts until there is a result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Literal, NamedTuple, Protocol

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from pipeline.core.clock import Clock
from pipeline.core.errors import EvalmillError, StoppedResumable
from pipeline.core.records import Attempt, Failure, Job, Response, Result
from pipeline.core.settings import Price, RunSettings
from pipeline.cost.charges import cost_usd
from pipeline.plan.expand import Shard
from pipeline.providers.capabilities import capabilities
from pipeline.run import results
from pipeline.run.attempt import Caller, Exchange, Outgoing
from pipeline.run.blame import PROVIDERS_FAULTS, Blame, Standing
from pipeline.run.breaker import Breaker
from pipeline.run.control import LaneControl, LaneWatch
from pipeline.run.need import need_of
from pipeline.run.output_check import OutputCheck
from pipeline.run.patience import Patience
from pipeline.run.permits import Need, Permit, Permits, PriceOf
from pipeline.run.results import Charge, ResultContext, Timing
from pipeline.run.retry import RetryBudget, RetryPolicy, retry_cost

Unanswered = Literal["final", "open"]
"""How a job without an answer goes on: as a failure, or later, since the run stops."""

JOBS_AT_A_TIME = 256
"""Jobs rendered together, in a thread, so that reading and rendering do not hold up the answers."""

BEGUN_PER_FLIGHT = 4
"""Jobs that may be begun and wait for another attempt, for each request that may be in flight."""

MOST_BROKEN_OUTPUTS = 2
"""Answers of one job that break their schema and are asked for again; the next one is taken as it is."""
_SHOWN_CHARACTERS = 80
"""Of a row's id, in messages."""

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


class _Leave(NamedTuple):
    """What a request needs to leave."""

    permit: Permit
    tries: bool
    """Whether it finds out for the whole lane if the provider is back."""
    on_credit: bool
    """Whether it is a retry that the retry budget could not cover."""


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
        self._slots = anyio.Semaphore(run.concurrency, fast_acquire=True)
        self._begun = anyio.Semaphore(BEGUN_PER_FLIGHT * run.concurrency + JOBS_AT_A_TIME, fast_acquire=True)
        self._policy = RetryPolicy(max_attempts=run.max_attempts)
        self._retries = RetryBudget(on_credit=max(1, run.concurrency // 8))
        self._breaker = Breaker(
            run.concurrency, setup.clock, setup.rng, changed=lambda said: setup.observer.event(model, said)
        )
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
        leave = await self._leave(job, need)
        if leave is not None and setup.watch.has_stopped:
            self._stay(leave)
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

    async def _leave(self, job: Job, need: Need, *, on_credit: bool = False) -> _Leave | None:
        """Wait until a request may leave; None when the budget cannot take it, which stops the run."""
        while True:
            tries = await self._breaker.passed()
            permit = await self._permit(need, tries=tries)
            if permit is None:
                self._out_of_budget(job, need)
                return None
            if tries or self._breaker.is_closed:
                return _Leave(permit, tries, on_credit)
            # The provider broke down while this one waited for its turn.
            self._stay(_Leave(permit, tries, on_credit=False))

    def _stay(self, leave: _Leave) -> None:
        """Give back what a request that does not leave had got."""
        self._setup.permits.withdraw(leave.permit)
        self._slots.release()
        if leave.tries:
            self._breaker.withdrawn()

    async def _permit(self, need: Need, *, tries: bool) -> Permit | None:
        """A slot and a permit; neither, and the breaker told so, when the budget or a stop says no."""
        permit = None
        has_slot = False
        try:
            await self._slots.acquire()
            has_slot = True
            permit = await self._setup.permits.acquire(need)
            return permit
        finally:
            if permit is None:
                if has_slot:
                    self._slots.release()
                if tries:
                    self._breaker.withdrawn()

    async def _fly(self, flight: _Flight, leave: _Leave, sink: Sink) -> None:
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
                    self._slots.release()
                self._begun.release()

    async def _until_result(self, flight: _Flight, leave: _Leave, sink: Sink) -> Result | None:
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

    def _settle(self, flight: _Flight, leave: _Leave, exchange: Exchange) -> Price | None:
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

    async def _once_more(self, flight: _Flight, response: Response) -> _Leave | None:
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

    async def _after_failure(self, flight: _Flight, failure: Failure) -> _Leave | Unanswered:
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

    async def _again(self, flight: _Flight, seconds: float, failure: Failure | None) -> _Leave | None:
        """Give the slot up for `seconds`, then get leave for another attempt; None when the run stops."""
        leave: _Leave | None = None
        self._slots.release()
        flight.has_slot = False
        with self._setup.control.admission():
            await self._setup.clock.sleep(seconds)
            on_credit = False
            if failure is not None and failure.kind != "rate":
                on_credit = await self._retries.take(retry_cost(failure))
            try:
                leave = await self._leave(flight.job, flight.need, on_credit=on_credit)
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

    def _out_of_budget(self, job: Job, need: Need) -> None:
        which = f"row {job.row_id[:_SHOWN_CHARACTERS]!r}, prompt {job.prompt!r}, model {job.model!r}"
        self._setup.control.run.stop(
            StoppedResumable(
                f"the budget of ${self._setup.run.budget_usd} cannot take the next request ({which}): "
                f"{self._setup.permits.shortage(need)}"
            )
        )

    def _timing(self, flight: _Flight, exchange: Exchange) -> Timing:
        return Timing(
            queue_ms=flight.queue_ms,
            first_token_ms=exchange.first_token_ms,
            latency_ms=exchange.latency_ms,
            started_at=flight.attempts[0].started_at,
            finished_at=self._setup.clock.now(),
        )


async def in_chunks(jobs: Iterator[Job]) -> AsyncIterator[Job]:
    """The jobs one by one, read and rendered in a thread some at a time."""
    while chunk := await to_thread.run_sync(lambda: list(islice(jobs, JOBS_AT_A_TIME))):
        for job in chunk:
            yield job
