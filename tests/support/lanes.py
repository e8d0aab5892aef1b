"""A lane with a provider made of a function, for tests of the runner."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import anyio
import httpx

from pipeline.core.errors import EvalmillError
from pipeline.core.records import Job, Request, Result
from pipeline.core.secrets import Scrubber, Secret
from pipeline.core.settings import Limits, ModelSettings, Price, ProviderSettings, RunSettings
from pipeline.cost.budget import Budget
from pipeline.plan.expand import Shard
from pipeline.run.attempt import Caller
from pipeline.run.control import LaneWatch, RunControl
from pipeline.run.failure_rate import FailureRate
from pipeline.run.lane import LaneSetup
from pipeline.run.limits import AccountLimits, LaneLimits
from pipeline.run.permits import LocalPermits
from pipeline.run.results import ResultContext
from pipeline.run.runner import SyncLane
from tests.support.clock import ManualClock

PRICE = Price(provider="lab", model="m", effective=date(2026, 1, 1), source="test", input=Decimal(1), output=Decimal(5))
AnyKept = TypeVar("AnyKept", bound="Kept")
KEY = Secret("sk-canary-7f3a")
RUN = RunSettings()
NO_LIMITS = Limits()
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


def message(text: str = "hello", **more: Any) -> httpx.Response:
    """A complete Messages answer."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 2},
        **more,
    }
    return httpx.Response(200, json=body, headers={"request-id": "req_1"})


def problem(status: int, kind: str, said: str = "no", **headers: str) -> httpx.Response:
    """An error in the shape of the Messages protocol."""
    body = {"type": "error", "error": {"type": kind, "message": said}}
    return httpx.Response(status, json=body, headers=headers)


def job(number: int, **params: Any) -> Job:
    return Job(
        job_id=f"job {number}",
        fingerprint=f"{number:032x}",
        row_id=f"row {number}",
        prompt="plain",
        model="mine",
        params="{}",
        repeat=0,
        shard="mine/0",
        request=Request(
            messages=({"role": "user", "content": f"number {number}"},), params={"max_tokens": 100, **params}
        ),
    )


class Kept:
    """A sink and an observer that remember."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.started: list[str] = []
        self.at_stake: dict[str, Decimal | None] = {}
        self.events: list[str] = []
        self.in_flight_now = 0
        self.most_in_flight = 0

    async def put(self, result: Result) -> None:
        self.results.append(result)

    def put_start(self, job_id: str, at_stake_usd: Decimal | None) -> None:
        if job_id not in self.at_stake:
            self.started.append(job_id)
        self.at_stake[job_id] = at_stake_usd

    def in_flight(self, model: str, change: int) -> None:
        self.in_flight_now += change
        self.most_in_flight = max(self.most_in_flight, self.in_flight_now)

    def event(self, model: str, said: str) -> None:
        self.events.append(said)


class Lane:
    """Everything around one SyncLane."""

    def __init__(
        self,
        answer: Answer,
        jobs: Sequence[Job],
        *,
        run: RunSettings = RUN,
        limits: Limits = NO_LIMITS,
        price: Price | None = PRICE,
        only_lane: bool = True,
        model: str = "m",
    ) -> None:
        self.kept = Kept()
        self.control = RunControl(FailureRate(run.max_failure_rate, len(jobs)))
        lane_control = self.control.lane()
        self.clock = ManualClock()
        self.budget = Budget(run.budget_usd)
        self.problem: EvalmillError | None = None
        self._jobs = jobs
        provider = ProviderSettings(name="lab", protocol="anthropic-messages", base_url="http://lab.test")
        settings = ModelSettings(name="mine", provider="lab", model=model)
        self._lane = SyncLane(
            LaneSetup(
                context=ResultContext(run_id="run", eval="test", model=settings, scrubber=Scrubber([KEY])),
                jobs_of=self._jobs_of,
                caller=Caller(
                    provider,
                    settings,
                    key=KEY,
                    transport=httpx.MockTransport(answer),
                    clock=self.clock,
                    run=run,
                ),
                permits=LocalPermits(
                    LaneLimits(AccountLimits(limits, self.clock), "anthropic", self.clock),
                    self.budget,
                    lambda _: price,
                    run.budget_usd,
                ),
                price_of=lambda _: price,
                run=run,
                control=lane_control,
                watch=LaneWatch(lane_control, "mine", only_lane=only_lane),
                observer=self.kept,
                problem=self._problem,
                clock=self.clock,
                rng=Random(1),
            )
        )

    def use(self, kept: AnyKept) -> AnyKept:
        """Let results go to `kept` from now on."""
        self.kept = kept
        return kept

    async def run(self) -> list[Result]:
        """Run all jobs as one shard; gives the results in the order of the jobs."""
        shard = Shard(lane="mine", name="mine/0", start_row=0, stop_row=len(self._jobs), jobs=len(self._jobs))
        with anyio.fail_after(600):
            await self._lane.run(shard, self.kept)
        order = {job.job_id: position for position, job in enumerate(self._jobs)}
        return sorted(self.kept.results, key=lambda result: order[result.job_id])

    async def _problem(self) -> EvalmillError | None:
        return self.problem

    def _jobs_of(self, shard: Shard) -> Iterator[Job]:
        return iter(self._jobs)


def sent(request: httpx.Request) -> str:
    """The text of the last turn that was sent."""
    text: str = json.loads(request.content)["messages"][-1]["content"]
    return text
