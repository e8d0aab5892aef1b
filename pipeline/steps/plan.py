"""Plan: what an evaluation would ask, before a cent is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations

from pipeline.core.records import Request
from pipeline.core.tokens import estimate_request_tokens
from pipeline.cost.prices import find_price
from pipeline.plan.expand import Lane
from pipeline.providers.capabilities import capabilities
from pipeline.run.permits import max_output_tokens
from pipeline.score.judge import Judge
from pipeline.steps.judging.mistakes import bench, judge_lanes, sample_requests
from pipeline.steps.prepare import Prepared

SAMPLED_REQUESTS = 100
"""The first requests of a model, from which the others are estimated."""

SAMPLED_JUDGMENTS = 20
"""The first questions to a judge, from which the others are estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """One model's share of a run."""

    model: str
    provider: str
    jobs: int
    input_tokens: int | None
    """Estimated for all jobs; None where nothing is sent."""
    most_usd: Decimal | None
    """If each answer is as long as `max_tokens`, nothing is cached and nothing reused; None without price or bound."""


def plan_models(prepared: Prepared, *, today: date) -> list[PlannedModel]:
    """What each model would be asked, of an evaluation without mistakes."""
    return [_planned(prepared, lane, today) for lane in prepared.plan.lanes]


def plan_judges(prepared: Prepared, *, today: date) -> list[PlannedModel]:
    """What each judge would be asked if every answer is for a judge; of an evaluation without mistakes.

    Answers are taken to be as long as their models' `max_tokens` on average, for the judges' input and its cost.
    """
    ready = bench(prepared)
    lanes = judge_lanes(prepared, ready)
    owners = [judge for judge, members in ready.judges for _ in members]
    return [_planned_judge(prepared, judge, lane, today) for judge, (lane, _) in zip(owners, lanes, strict=True)]


def questions(prepared: Prepared, judge: Judge) -> int:
    """How often one judge is asked if every answer is for it."""
    if judge.is_pairwise:
        return _pairs(prepared, judge) * 2
    return sum(map(prepared.plan.total_jobs, prepared.plan.lanes))


def _planned_judge(prepared: Prepared, judge: Judge, lane: Lane, today: date) -> PlannedModel:
    jobs = questions(prepared, judge)
    requests = [] if lane.model.recorded else sample_requests(prepared, judge, SAMPLED_JUDGMENTS)
    asked = [replace(request, params=lane.cells[0].params) for request in requests]
    answers = (2 if judge.is_pairwise else 1) * _answer_tokens(prepared)
    known = capabilities(lane.provider.name, lane.model.model)
    dense = known is not None and known.dense_tokens
    tokens = [estimate_request_tokens(request, dense=dense) + answers for request in asked]
    return PlannedModel(
        model=f"{judge.name}: {lane.model.name}",
        provider=lane.provider.name,
        jobs=jobs,
        input_tokens=round(sum(tokens) / len(tokens) * jobs) if tokens else None,
        most_usd=_most_usd(lane, list(zip(asked, tokens, strict=True)), jobs, today),
    )


def _pairs(prepared: Prepared, judge: Judge) -> int:
    """Pairs of answers to one row under one prompt, grid cell and repeat, by two models."""
    plan = prepared.plan
    per_row = 0
    for first, second in combinations(plan.lanes, 2):
        if judge.against in (None, first.model.name, second.model.name):
            cells = {cell.text for cell in first.cells} & {cell.text for cell in second.cells}
            per_row += len(cells) * min(first.repeats, second.repeats)
    return plan.rows * len(plan.templates) * per_row


def _answer_tokens(prepared: Prepared) -> int:
    """The mean of what the models' `max_tokens` let an answer be."""
    most = [max_output_tokens(cell.params) or 0 for lane in prepared.plan.lanes for cell in lane.cells]
    return round(sum(most) / len(most))


def _planned(prepared: Prepared, lane: Lane, today: date) -> PlannedModel:
    jobs = prepared.plan.total_jobs(lane)
    requests = [] if lane.model.recorded else prepared.plan.sample_requests(lane, SAMPLED_REQUESTS)
    known = capabilities(lane.provider.name, lane.model.model)
    dense = known is not None and known.dense_tokens
    tokens = [estimate_request_tokens(request, dense=dense) for request in requests]
    return PlannedModel(
        model=lane.model.name,
        provider=lane.provider.name,
        jobs=jobs,
        input_tokens=round(sum(tokens) / len(tokens) * jobs) if tokens else None,
        most_usd=_most_usd(lane, list(zip(requests, tokens, strict=True)), jobs, today),
    )


def _most_usd(lane: Lane, sampled: Sequence[tuple[Request, int]], jobs: int, today: date) -> Decimal | None:
    costs = [_request_usd(lane, request, tokens, today) for request, tokens in sampled]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) / len(known) * jobs if known and len(known) == len(costs) else None


def _request_usd(lane: Lane, request: Request, input_tokens: int, today: date) -> Decimal | None:
    price = find_price(lane.provider.prices, lane.provider.name, lane.model.model, today, input_tokens)
    output_tokens = max_output_tokens(request.params)
    if price is None or price.input is None or price.output is None or output_tokens is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output).scaleb(-6)
