"""Pace: budgets are first come first served, settle their differences, and a gate only moves later."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from pipeline.core.settings import Limits
from pipeline.run.limits import Gate, LaneLimits, TokenBudget
from tests.support.clock import ManualClock


async def test_a_large_request_is_served_in_order_of_arrival() -> None:
    clock = ManualClock()
    budget = TokenBudget(6000, 1, clock)
    order: list[str] = []

    async def take(name: str, tokens: int) -> None:
        await budget.reserve(tokens)
        order.append(name)

    await budget.reserve(100)
    async with anyio.create_task_group() as group:
        group.start_soon(take, "large", 90)
        await anyio.lowlevel.checkpoint()
        for number in range(5):
            group.start_soon(take, f"small {number}", 1)
    assert order[0] == "large"


async def test_a_budget_holds_its_rate() -> None:
    clock = ManualClock()
    budget = TokenBudget(6000, 1, clock)
    for _ in range(11):
        await budget.reserve(100)
    assert 9.99 < clock.monotonic() < 10.1


async def test_what_was_not_used_comes_back() -> None:
    clock = ManualClock()
    budget = TokenBudget(6000, 1, clock)
    await budget.reserve(100)
    budget.settle(100, 10)
    await budget.reserve(90)
    assert clock.monotonic() == 0


async def test_what_was_used_beyond_is_waited_for() -> None:
    clock = ManualClock()
    budget = TokenBudget(6000, 1, clock)
    await budget.reserve(10)
    budget.settle(10, 200)
    await budget.reserve(1)
    assert 1.0 < clock.monotonic() < 1.2


async def test_an_amount_above_the_bucket_goes_through_a_full_bucket() -> None:
    clock = ManualClock()
    budget = TokenBudget(6000, 1, clock)
    await budget.reserve(1000)
    assert clock.monotonic() == 0
    await budget.reserve(1)
    assert 9 < clock.monotonic() < 9.2


async def test_a_gate_never_opens_earlier_than_it_said() -> None:
    clock = ManualClock()
    gate = Gate(clock)
    gate.close_for(10)
    gate.close_for(2)
    await gate.passed()
    assert clock.monotonic() >= 10


async def test_openai_accounting_reserves_max_tokens_and_anthropic_accounting_does_not() -> None:
    limits = Limits(output_tokens_per_minute=6000, burst_seconds=1)
    for accounting, waited in (("openai", 10.0), ("anthropic", 0.0)):
        clock = ManualClock()
        lane = LaneLimits(limits, accounting, clock)  # type: ignore[arg-type]
        await lane.acquire(1, 1000)
        await lane.acquire(1, 1)
        assert abs(clock.monotonic() - waited) < 1.1


async def test_unknown_limits_do_not_wait() -> None:
    clock = ManualClock()
    lane = LaneLimits(Limits(), "anthropic", clock)
    for _ in range(1000):
        await lane.acquire(100_000, 100_000)
    assert clock.monotonic() == 0
