"""Pace: budgets are first come first served, settle their differences, and a gate only moves later."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from pipeline.core.settings import Limits
from pipeline.providers.limit_headers import ToldLimit
from pipeline.run.buckets import TokenBudget
from pipeline.run.gate import Gate
from pipeline.run.limits import AccountLimits, LaneLimits
from tests.support.clock import ManualClock

UNKNOWN = Limits()


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
        lane = LaneLimits(AccountLimits(limits, clock), accounting, clock)  # type: ignore[arg-type]
        await lane.acquire(1, 1000)
        await lane.acquire(1, 1)
        assert abs(clock.monotonic() - waited) < 1.1


async def test_unknown_limits_do_not_wait() -> None:
    clock = ManualClock()
    lane = LaneLimits(AccountLimits(Limits(), clock), "anthropic", clock)
    for _ in range(1000):
        await lane.acquire(100_000, 100_000)
        lane.left()
    assert clock.monotonic() == 0


def lane_of(limits: Limits = UNKNOWN) -> tuple[LaneLimits, ManualClock]:
    clock = ManualClock()
    return LaneLimits(AccountLimits(limits, clock), "anthropic", clock), clock


async def test_lanes_share_the_limits_of_their_account() -> None:
    clock = ManualClock()
    account = AccountLimits(Limits(input_tokens_per_minute=6000, burst_seconds=1), clock)
    lanes = [LaneLimits(account, "anthropic", clock) for _ in range(2)]
    for number in range(22):
        await lanes[number % 2].acquire(50, 10)
        lanes[number % 2].left()
    assert 9.99 < clock.monotonic() < 10.1


async def test_lanes_share_the_requests_in_flight_of_their_account() -> None:
    clock = ManualClock()
    account = AccountLimits(Limits(requests_in_flight=3), clock)
    lanes = [LaneLimits(account, "anthropic", clock) for _ in range(2)]
    for number in range(3):
        await lanes[number % 2].acquire(1, 1)
    with anyio.move_on_after(0.01) as scope:
        await lanes[1].acquire(1, 1)
    assert scope.cancelled_caught
    lanes[0].left()
    with anyio.fail_after(1):
        await lanes[1].acquire(1, 1)


async def test_a_refusal_of_one_lane_holds_up_no_other() -> None:
    clock = ManualClock()
    account = AccountLimits(UNKNOWN, clock)
    first, second = (LaneLimits(account, "anthropic", clock) for _ in range(2))
    first.refused(await first.acquire(1, 1), 30.0)
    first.left()
    await second.acquire(1, 1)
    assert clock.monotonic() == 0
    await first.acquire(1, 1)
    assert clock.monotonic() >= 30


async def test_limits_that_the_provider_tells_pace_where_none_are_configured() -> None:
    lane, clock = lane_of()
    lane.told([ToldLimit(kind="requests", per_minute=600, remaining=20)])
    for _ in range(120):
        await lane.acquire(1, 1)
        lane.left()
    assert 9.9 < clock.monotonic() < 10.1


async def test_a_told_level_lowers_what_is_thought_to_be_left() -> None:
    lane, clock = lane_of(Limits(input_tokens_per_minute=6000, burst_seconds=6))
    lane.told([ToldLimit(kind="input", per_minute=6000, remaining=100)])
    await lane.acquire(300, 1)
    assert 1.9 < clock.monotonic() < 2.1


async def test_a_told_limit_that_changes_changes_the_pace() -> None:
    lane, clock = lane_of()
    lane.told([ToldLimit(kind="requests", per_minute=600, remaining=0)])
    lane.told([ToldLimit(kind="requests", per_minute=60, remaining=0)])
    await lane.acquire(1, 1)
    assert 0.99 < clock.monotonic() < 1.01


async def test_a_refusal_in_spite_of_what_was_told_ends_the_bursts() -> None:
    lane, clock = lane_of()
    lane.told([ToldLimit(kind="requests", per_minute=600, remaining=600)])
    lane.refused(await lane.acquire(1, 1), 1.0)
    lane.left()
    for _ in range(160):
        await lane.acquire(1, 1)
        lane.left()
    assert clock.monotonic() > 9, "60 at once, which is six seconds' worth, and 10 a second"


async def test_tokens_promised_together_count_the_larger_part() -> None:
    clock = ManualClock()
    lane = LaneLimits(AccountLimits(UNKNOWN, clock), "openai", clock)
    lane.told([ToldLimit(kind="tokens", per_minute=60_000, remaining=0)])
    await lane.acquire(10, 2000)
    assert 1.99 < clock.monotonic() < 2.01


async def test_what_was_reserved_for_a_request_that_stays_comes_back() -> None:
    lane, clock = lane_of(Limits(input_tokens_per_minute=6000, burst_seconds=1))
    lane.withdrawn(await lane.acquire(100, 1))
    await lane.acquire(100, 1)
    assert clock.monotonic() == 0


async def test_a_request_that_stops_waiting_has_taken_nothing_of_its_account() -> None:
    clock = ManualClock()
    account = AccountLimits(Limits(requests_in_flight=1, input_tokens_per_minute=600, burst_seconds=1), clock)
    lane = LaneLimits(account, "anthropic", clock)
    for cancelled_at in ("input tokens", "the window"):
        first = await lane.acquire(10, 1) if cancelled_at == "the window" else None
        await account_drained(account) if first is None else None
        async with anyio.create_task_group() as group:
            group.start_soon(lane.acquire, 10, 1)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        if first is not None:
            lane.left()
    with anyio.fail_after(5):
        await lane.acquire(10, 1)


async def account_drained(account: AccountLimits) -> None:
    assert account.input is not None
    await account.input.reserve(1000)


async def test_a_lane_whose_gate_is_shut_holds_nothing_of_its_account() -> None:
    clock = ManualClock()
    account = AccountLimits(Limits(requests_in_flight=1), clock)
    refused, healthy = (LaneLimits(account, "anthropic", clock) for _ in range(2))
    first, second = await refused.acquire(1, 1), None
    async with anyio.create_task_group() as group:
        group.start_soon(refused.acquire, 1, 1)
        await anyio.lowlevel.checkpoint()
        refused.refused(first, 600.0)
        refused.left()
        second = await healthy.acquire(1, 1)
        healthy.left()
        assert clock.monotonic() < 600
        group.cancel_scope.cancel()
    assert second is not None


async def test_a_refund_is_used_at_once() -> None:
    clock = ManualClock()
    budget = TokenBudget(600, 10, clock)
    await budget.reserve(100)
    async with anyio.create_task_group() as group:
        group.start_soon(budget.reserve, 80)
        await anyio.lowlevel.checkpoint()
        budget.settle(100, 0)
    assert clock.monotonic() < 1


async def test_output_that_was_charged_in_advance_is_not_given_back() -> None:
    clock = ManualClock()
    lane = LaneLimits(AccountLimits(Limits(output_tokens_per_minute=6000, burst_seconds=10), clock), "openai", clock)
    reserved = await lane.acquire(1, 1000)
    lane.used(reserved, 1, 5)
    lane.left()
    await lane.acquire(1, 1000)
    assert 9.9 < clock.monotonic() < 10.1


async def test_refusals_that_ask_for_no_wait_close_the_gate_all_the_same() -> None:
    clock = ManualClock()
    gate = Gate(clock)
    for asked in (0.0, 0.01, None):
        gate.refused(asked)
        await gate.passed()
    assert 6.9 < clock.monotonic() < 7.1
