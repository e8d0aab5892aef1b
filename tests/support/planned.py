"""Evaluations of varying shape, run by the real engine over the simulator in simulated time, and what was planned."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

import anyio
import httpx

from pipeline.config.load import Overrides
from pipeline.core.records import Result
from pipeline.core.secrets import Scrubber
from pipeline.cost.budget import Budget
from pipeline.plan.expand import Lane
from pipeline.run.attempt import Caller
from pipeline.run.control import LaneWatch, RunControl
from pipeline.run.failure_rate import FailureRate
from pipeline.run.limits import AccountLimits, LaneLimits
from pipeline.run.permits import LocalPermits
from pipeline.run.results import ResultContext
from pipeline.run.runner import LaneSetup, SyncLane
from pipeline.simulator.exchange import Exchange
from pipeline.simulator.options import Options
from pipeline.steps.answer import lane_price
from pipeline.steps.choose import Again, Choice, begin
from pipeline.steps.planning.drafts import Setting
from pipeline.steps.planning.forecast import Forecast, forecast, history_of, survey_jobs
from pipeline.steps.prepare import Prepared, prepare
from pipeline.steps.rows import keep_rows
from pipeline.steps.simulation import simulator_options
from pipeline.store.run_store import RunStore
from tests.support.clock import START
from tests.support.lanes import Kept
from tests.support.store import store_all
from tests.support.virtual_time import LoopClock, run_at_once

WORDS = (
    "ducks",
    "that",
    "lay",
    "eggs",
    "every",
    "morning",
    "while",
    "the",
    "baker",
    "sells",
    "bread",
    "to",
    "villagers",
)
TEMPLATES = (
    "{{ question }}",
    "Answer with a number only. {{ question }}",
    "{% system %}You are a patient teacher of arithmetic.{% endsystem %}{% user %}Think step by step, then give the "
    "result.\n\n{{ question }}{% enduser %}",
)
LIMITS = (
    "",
    "",
    "requests_per_minute = 300",
    "input_tokens_per_minute = 12_000\nrequests_per_minute = 900",
    "output_tokens_per_minute = 9_000\nrequests_per_minute = 900",
    "requests_in_flight = 6",
)
MODELS = ("sim-small", "sim-medium", "sim-large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What varies from trial to trial."""

    seed: int
    rows: int
    earlier_rows: int
    models: Sequence[str]
    templates: Sequence[str]
    repeats: int
    concurrency: int | None
    error_rate: float
    limits: str
    """Lines of a providers.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a run took."""

    jobs: int
    input: int
    output: int
    usd: Decimal
    seconds: float


def drawn(seed: int, *, most_rows: int = 240) -> Shape:
    """A seeded shape: one to three models, prompts and repeats, with and without limits and faults."""
    rng = random.Random(seed)
    limits = rng.choice(LIMITS)
    return Shape(
        seed=seed,
        rows=rng.randrange(60, most_rows),
        earlier_rows=rng.randrange(8, 41),
        models=rng.sample(MODELS, rng.choice((1, 1, 2))),
        templates=rng.sample(TEMPLATES, rng.choice((1, 1, 2))),
        repeats=rng.choice((1, 1, 3)),
        concurrency=rng.choice((None, 4, 16)),
        error_rate=rng.choice((0.0, 0.0, 0.03)),
        limits=limits,
    )


def write_shape(folder: Path, shape: Shape) -> Path:
    """Write the evaluation; returns its folder."""
    folder.mkdir(parents=True)
    rng = random.Random(shape.seed)
    rows = [_row(rng, number) for number in range(shape.rows)]
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    temperature = "temperature = 0.7\n" if shape.repeats > 1 else ""
    lines = ['name = "planned"', "[dataset]", 'path = "rows.csv"', 'id = "id"']
    for number, template in enumerate(shape.templates):
        (folder / f"p{number}.jinja").write_text(template)
        lines += ["[[prompts]]", f'name = "p{number}"', f'template = "p{number}.jinja"']
    for model in shape.models:
        lines += ["[[models]]", f'name = "{model}"', f'id = "simulator/{model}"', "[models.params]", "max_tokens = 400"]
        lines += [temperature]
    lines += ["[run]", f"repeats = {shape.repeats}"]
    lines += [] if shape.concurrency is None else [f"concurrency = {shape.concurrency}"]
    lines += ["[simulator]", f"seed = {shape.seed}", 'answers = "rows.csv"', f"error_rate = {shape.error_rate}"]
    (folder / "eval.toml").write_text("\n".join(lines) + "\n")
    (folder / "providers.toml").write_text(f"[providers.simulator.limits]\n{shape.limits}\n" if shape.limits else "")
    return folder


def _row(rng: random.Random, number: int) -> dict[str, str]:
    story = " ".join(rng.choices(WORDS, k=round(rng.lognormvariate(2.5, 0.6))))
    one, two = rng.randrange(2_000), rng.randrange(2_000)
    return {"id": f"r{number}", "question": f"{story}. What is {one} plus {two}?", "answer": str(one + two)}


def setting(evaluation: Path, reports: Path, *, fresh: bool = False, limit: int | None = None) -> Setting:
    """What a plan is made from: a new run of the evaluation."""
    prepared = prepare(evaluation, Overrides(limit=limit))
    home = reports / prepared.settings.name
    return Setting(
        prepared=prepared, reports=reports, home=home, choice=Choice(folder=home / "new", run=None),
        again=Again(fresh=fresh), today=START.date(),
    )  # fmt: skip


def plan(made: Setting) -> Forecast:
    """As `evalmill plan` makes it."""
    found, _ = survey_jobs(made)
    return forecast(made, found, history_of(made))


def run_in_simulated_time(prepared: Prepared, folder: Path, *, skip: frozenset[str] = frozenset()) -> Truth:
    """Run all jobs whose rows are not in `skip`, and store them as a finished run."""
    results = run_at_once(partial(_run, prepared, folder, skip))
    anyio.run(_store, prepared, folder, results)
    return truth(results)


async def _run(prepared: Prepared, folder: Path, skip: frozenset[str]) -> list[Result]:
    run = begin(prepared, folder, Again(), now=START)
    clock = LoopClock()
    exchange = Exchange(replace(_options(prepared), latency_scale=1.0), clock)
    control, kept = RunControl(FailureRate(None, 1)), Kept()
    accounts: dict[str, AccountLimits] = {}
    async with anyio.create_task_group() as lanes:
        for lane in prepared.plan.lanes:
            limits = accounts.setdefault(lane.provider.name, AccountLimits(lane.provider.limits, clock))
            executor = SyncLane(_setup(prepared, lane, exchange, clock, LaneLimits(
                limits, lane.provider.accounting, clock, first_in_flight=prepared.settings.run.first_in_flight,
            ), control, kept, run["run_id"], skip))  # fmt: skip
            lanes.start_soon(_lane, executor, prepared, lane, kept)
    return kept.results


async def _store(prepared: Prepared, folder: Path, results: Sequence[Result]) -> None:
    with RunStore.open(folder) as store:
        keep_rows(store, prepared.dataset, prepared.survey)
        await store_all(store, results, [], state="complete")


def truth(results: Sequence[Result]) -> Truth:
    """What the provider was sent, and what that took."""
    begun = [result.attempts[0].started_at for result in results if result.attempts]
    ended = [result.finished_at for result in results if result.finished_at is not None]
    inputs = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    return Truth(
        jobs=len(results),
        input=sum(getattr(result, name) or 0 for result in results for name in inputs),
        output=sum(result.output_tokens or 0 for result in results),
        usd=sum((result.cost_usd or Decimal(0) for result in results), Decimal(0)),
        seconds=(max(ended) - min(begun)).total_seconds(),
    )


async def _lane(executor: SyncLane, prepared: Prepared, lane: Lane, kept: Kept) -> None:
    for shard in prepared.plan.shards(lane):
        await executor.run(shard, kept)


def _options(prepared: Prepared) -> Options:
    return simulator_options(prepared.settings.simulator)


def _setup(
    prepared: Prepared, lane: Lane, exchange: Exchange, clock: LoopClock, limits: LaneLimits, control: RunControl,
    kept: Kept, run_id: str, skip: frozenset[str],
) -> LaneSetup:  # fmt: skip
    lane_control = control.lane()
    price_of = lane_price(lane.provider, lane.model.model, START.date())
    provider = replace(lane.provider, base_url="http://simulator.test")

    async def nothing() -> None:
        return None

    return LaneSetup(
        context=ResultContext(run_id=run_id, eval="planned", model=lane.model, scrubber=Scrubber()),
        jobs_of=lambda shard: (job for job in prepared.plan.jobs(shard) if job.row_id not in skip),
        caller=Caller(
            provider, lane.model, key=None, transport=httpx.MockTransport(partial(_answer, exchange, clock)),
            clock=clock, run=prepared.settings.run,
        ),
        permits=LocalPermits(limits, Budget(None), price_of, None),
        price_of=price_of,
        run=prepared.settings.run,
        control=lane_control,
        watch=LaneWatch(lane_control, lane.model.name, only_lane=len(prepared.plan.lanes) == 1),
        observer=kept,
        problem=nothing,
        clock=clock,
        rng=Random(prepared.settings.simulator.seed),
    )  # fmt: skip


async def _answer(exchange: Exchange, clock: LoopClock, request: httpx.Request) -> httpx.Response:
    headers = {name.lower(): value for name, value in request.headers.items()} | {"x-api-key": "simulated"}
    reply = exchange.generate("messages", headers, request.content)
    await clock.sleep(reply.wait_seconds)
    exchange.begun(reply)
    exchange.finished(reply)
    told = {**reply.headers, "content-type": reply.content_type}
    return httpx.Response(reply.status, content=reply.body, headers=told)
