"""Answer: bring every job of a plan to a result on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Protocol

import httpx

from pipeline.config.describe import describe_limits
from pipeline.core.clock import Clock
from pipeline.core.records import Job, Result
from pipeline.core.secrets import Scrubber
from pipeline.core.settings import EvalSettings, Price, ProviderSettings
from pipeline.cost.budget import Budget
from pipeline.cost.prices import find_price
from pipeline.engines.local import LaneWork, execute
from pipeline.plan.expand import Lane, Shard
from pipeline.run.attempt import Caller
from pipeline.run.control import LaneControl, LaneWatch, RunControl
from pipeline.run.failure_rate import FailureRate
from pipeline.run.lane import AnswerCheck, LaneExecutor, LaneSetup
from pipeline.run.limits import AccountLimits, LaneLimits
from pipeline.run.permits import LocalPermits, PriceOf
from pipeline.run.recorded import RecordedLane
from pipeline.run.results import ResultContext
from pipeline.run.runner import SyncLane
from pipeline.run.transport import AiohttpTransport
from pipeline.steps.access import Access, Keys, OpenLane
from pipeline.steps.reuse import Reuse
from pipeline.steps.simulation import simulator_options
from pipeline.steps.work import Work
from pipeline.store.events import EventLog, read_events
from pipeline.store.run_store import RunStore


class RunObserver(Protocol):
    """Watches a run; what the terminal shows comes from here."""

    def lane(self, model: str, *, total: int, done: int) -> None:
        """A lane begins, with `done` of `total` jobs from an earlier session."""
        ...

    def in_flight(self, model: str, change: int) -> None:
        """A request left (+1) or came back (-1)."""
        ...

    def event(self, model: str, said: str) -> None:
        """A lane waits, or goes on."""
        ...

    def acknowledged(self, results: Sequence[Result], /) -> None:
        """These results are safe on disk."""
        ...

    def kept(self, result: Result, /) -> None:
        """This one is not stored: its job was asked again, and the row that it has is as good."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one session of a run works with."""

    settings: EvalSettings
    plan: Work
    store: RunStore
    run: Mapping[str, Any]
    """run.json."""
    keys: Keys
    observer: RunObserver
    reuse: Reuse
    clock: Clock
    rng: Random
    spent_elsewhere_usd: Decimal = Decimal(0)
    """What counts against the budget beside what `store` holds: the run's answers for a judge, its judges for a run."""
    check: AnswerCheck | None = None
    """What makes an answer be asked for again; None: the schema that its request names."""

    @property
    def started(self) -> date:
        """The day the run began: its prices hold for all its sessions."""
        return datetime.fromisoformat(self.run["created_at"]).date()


async def answer_all(session: Session) -> RunControl:
    """Send what is not answered yet; returns the control, which says whether and why the run stopped early."""
    plan = session.plan
    jobs = sum(plan.total_jobs(lane) for lane in plan.lanes)
    control = RunControl(FailureRate(session.settings.run.max_failure_rate, jobs))
    async with _with_simulator(session) as ready, AiohttpTransport() as transport:
        access = Access(ready.settings.providers, ready.keys.missing)
        wiring = _Wiring(ready, transport, control, access)
        work = list(wiring.lanes())
        await access.require(wiring.open_lanes, plan, session.store, session.reuse)
        _note_limits(session)
        await execute(
            work,
            session.store,
            control,
            observer=session.observer,
            clock=session.clock,
            grace_seconds=session.settings.run.grace_seconds,
        )
    return control


def _note_limits(session: Session) -> None:
    """Write down the limits of a session that continues a run under others than before."""
    before = session.run["settings"].get("limits")
    if before is None:
        return
    limits, events = describe_limits(session.settings), read_events(session.store.folder)
    if limits != (events.limits[-1]["limits"] if events.limits else before):
        EventLog(session.store.folder).limits(session.clock.now(), limits)


class _Recorded:
    """An observer whose events are written down too."""

    def __init__(self, observer: RunObserver, log: EventLog, clock: Clock) -> None:
        self._observer = observer
        self._log = log
        self._clock = clock

    def in_flight(self, model: str, change: int) -> None:
        self._observer.in_flight(model, change)

    def event(self, model: str, said: str) -> None:
        self._log.add(self._clock.now(), model, said)
        self._observer.event(model, said)


class _Wiring:
    """Puts each lane's executor together."""

    def __init__(
        self, session: Session, transport: httpx.AsyncBaseTransport, control: RunControl, access: Access
    ) -> None:
        self.open_lanes: list[OpenLane] = []
        """What there is left to do, known once `lanes` has come to its end."""
        self._session = session
        self._access = access
        self._transport = transport
        self._observer = _Recorded(session.observer, EventLog(session.store.folder), session.clock)
        self._control = control
        self._accounts: dict[tuple[str, str | None], AccountLimits] = {}
        self._budget = Budget(session.settings.run.budget_usd)
        self._budget.add_spent(session.store.spent_usd() + session.spent_elsewhere_usd)

    def lanes(self) -> Iterator[LaneWork]:
        finished = self._session.store.shard_rows()
        for lane in self._session.plan.lanes:
            shards = list(self._session.plan.shards(lane))
            done = sum(finished.get(shard.name, 0) for shard in shards)
            total = self._session.plan.total_jobs(lane)
            self._session.observer.lane(lane.model.name, total=total, done=done)
            open_shards = [shard for shard in shards if finished.get(shard.name, 0) < shard.jobs]
            self.open_lanes.append(OpenLane(lane, open_shards, total - done))
            control = self._control.lane()
            yield LaneWork(self._executor(lane, control), open_shards, control)

    def _executor(self, lane: Lane, control: LaneControl) -> LaneExecutor:
        session = self._session
        context = ResultContext(
            run_id=session.run["run_id"],
            eval=session.settings.name,
            model=lane.model,
            scrubber=Scrubber(session.keys.found.values()),
        )
        if lane.model.recorded is not None:
            return RecordedLane(context, self._jobs_of, control)
        price_of = lane_price(lane.provider, lane.model.model, session.started)
        return SyncLane(
            LaneSetup(
                context=context,
                jobs_of=lambda shard: session.reuse.fill(self._jobs_of(shard), lane, context, session.store),
                caller=self._caller(lane),
                permits=LocalPermits(self._limits(lane), self._budget, price_of, session.settings.run.budget_usd),
                price_of=price_of,
                run=session.settings.run,
                control=control,
                watch=LaneWatch(
                    control,
                    lane.model.name,
                    only_lane=len(session.plan.lanes) == 1,
                    key_env=lane.provider.key_env,
                ),
                observer=self._observer,
                problem=partial(self._access.problem, lane.provider.name),
                clock=session.clock,
                rng=session.rng,
                check=session.check,
            )
        )

    def _caller(self, lane: Lane) -> Caller:
        session = self._session
        return Caller(
            session.settings.providers[lane.provider.name],
            lane.model,
            key=session.keys.found.get(lane.provider.name),
            transport=self._transport,
            clock=session.clock,
            run=session.settings.run,
        )

    def _limits(self, lane: Lane) -> LaneLimits:
        """A pace for each lane. An account's configured limits hold for all its lanes together; a model with limits of
        its own has them to itself."""
        provider, model = lane.provider, lane.model.model
        own = provider.model_limits.get(model)
        key = (provider.name, None if own is None else model)
        if key not in self._accounts:
            self._accounts[key] = AccountLimits(own or provider.limits, self._session.clock)
        first = self._session.settings.run.first_in_flight
        return LaneLimits(self._accounts[key], provider.accounting, self._session.clock, first_in_flight=first)

    def _jobs_of(self, shard: Shard) -> Iterator[Job]:
        return self._session.plan.jobs(shard, self._session.store.job_ids(shard.name))


def lane_price(provider: ProviderSettings, model: str, day: date) -> PriceOf:
    """The price of one model by input size, looked up once per tier."""
    bounds = sorted({price.above_input_tokens for price in provider.prices if price.above_input_tokens is not None})
    found: dict[int, Price | None] = {}

    def price_of(input_tokens: int | None) -> Price | None:
        tier = sum(input_tokens is not None and input_tokens > bound for bound in bounds)
        if tier not in found:
            found[tier] = find_price(provider.prices, provider.name, model, day, input_tokens)
        return found[tier]

    return price_of


@asynccontextmanager
async def _with_simulator(session: Session) -> AsyncIterator[Session]:
    """Start the built-in simulator where a model uses it and nobody named its address."""
    provider = session.settings.providers.get("simulator")
    if provider is None or provider.base_url:
        yield session
        return
    from pipeline.simulator.server import Simulator

    async with Simulator(simulator_options(session.settings.simulator), clock=session.clock) as simulator:
        providers = {**session.settings.providers, "simulator": replace(provider, base_url=simulator.base_url)}
        yield replace(session, settings=replace(session.settings, providers=providers))
