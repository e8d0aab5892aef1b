from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import anyio
import anyio.lowlevel
import pytest

from pipeline.core.settings import Price
from pipeline.cost.budget import IMAGE_TOKENS, TOOL_TOKENS, Budget, upper_bound_usd

D = Decimal
PRICE = Price(
    provider="p",
    model="m",
    effective=date(2026, 1, 1),
    source="s",
    input=D(3),
    output=D(15),
    cache_write_5m=D("3.75"),
    cache_write_1h=D(6),
)


def test_a_bound_takes_every_byte_for_a_token_at_the_dearest_rate() -> None:
    assert upper_bound_usd(1000, 0, False, 0, PRICE) == D("0.006")
    assert upper_bound_usd(0, 0, False, 1000, PRICE) == D("0.015")
    assert upper_bound_usd(0, 2, False, 0, PRICE) == 2 * IMAGE_TOKENS * D(6) / 1_000_000
    assert upper_bound_usd(0, 0, True, 0, PRICE) == TOOL_TOKENS * D(6) / 1_000_000
    assert upper_bound_usd(1000, 0, False, 0, replace(PRICE, cache_write_5m=None, cache_write_1h=None)) == D("0.003")


@pytest.mark.parametrize(
    ("max_tokens", "price"),
    [(None, PRICE), (10, None), (10, replace(PRICE, input=None)), (10, replace(PRICE, output=None))],
)
def test_without_a_limit_or_a_price_there_is_no_bound(max_tokens: int | None, price: Price | None) -> None:
    assert upper_bound_usd(10, 0, False, max_tokens, price) is None


async def test_a_reservation_is_held_until_it_is_settled() -> None:
    budget = Budget(D("1.00"))

    assert await budget.reserve(D("0.60"))
    assert (budget.spent_usd, budget.reserved_usd) == (D(0), D("0.60"))
    budget.settle(D("0.60"), D("0.10"))
    assert (budget.spent_usd, budget.reserved_usd) == (D("0.10"), D(0))


async def test_a_request_that_was_possibly_paid_stays_booked_at_its_bound() -> None:
    budget = Budget(D(1))
    await budget.reserve(D("0.60"))
    budget.settle(D("0.60"), None)

    assert budget.spent_usd == D("0.60")
    assert not await budget.reserve(D("0.50"))


async def test_the_cap_may_be_reached_exactly() -> None:
    assert await Budget(D("0.3")).reserve(D("0.3"))


async def test_what_can_never_fit_is_refused_at_once() -> None:
    assert not await Budget(D(1)).reserve(D("1.01"))


async def test_without_a_cap_everything_fits_and_is_counted() -> None:
    budget = Budget(None)

    assert await budget.reserve(D(10**6))
    budget.settle(D(10**6), D(7))
    assert budget.spent_usd == D(7)


async def test_what_was_spent_before_an_interruption_counts() -> None:
    budget = Budget(D(1))
    budget.add_spent(D("0.9"))

    assert not await budget.reserve(D("0.2"))
    assert await budget.reserve(D("0.1"))


async def test_a_job_waits_while_something_is_in_flight_and_goes_on_when_it_fits() -> None:
    budget = Budget(D(1))
    await budget.reserve(D("0.8"))
    outcomes: list[bool] = []

    async def wait() -> None:
        outcomes.append(await budget.reserve(D("0.5")))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert outcomes == []
        budget.settle(D("0.8"), D("0.2"))
    assert outcomes == [True]


async def test_a_small_job_does_not_overtake_a_large_one() -> None:
    budget = Budget(D(1))
    await budget.reserve(D("0.8"))
    order: list[str] = []

    async def wait(name: str, amount: Decimal) -> None:
        if await budget.reserve(amount):
            order.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "large", D("0.9"))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(wait, "small", D("0.1"))
        await anyio.wait_all_tasks_blocked()
        assert order == []
        budget.settle(D("0.8"), D(0))
    assert order == ["large", "small"]


async def test_when_nothing_is_in_flight_any_more_everyone_who_waits_is_told_to_stop() -> None:
    budget = Budget(D(1))
    await budget.reserve(D("0.8"))
    outcomes: list[bool] = []

    async def wait(amount: Decimal) -> None:
        outcomes.append(await budget.reserve(amount))

    async with anyio.create_task_group() as group:
        group.start_soon(wait, D("0.5"))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(wait, D("0.1"))
        await anyio.wait_all_tasks_blocked()
        budget.settle(D("0.8"), D("0.8"))
    assert outcomes == [False, False]
    assert budget.reserved_usd == 0


async def test_a_waiter_that_is_cancelled_lets_those_behind_it_pass() -> None:
    budget = Budget(D(1))
    await budget.reserve(D("0.8"))
    outcomes: list[bool] = []

    async def wait() -> None:
        outcomes.append(await budget.reserve(D("0.2")))

    async with anyio.create_task_group() as group:
        with anyio.move_on_after(0.01):
            await budget.reserve(D("0.9"))
        group.start_soon(wait)
    assert outcomes == [True]
    assert budget.reserved_usd == D("1.0")


async def test_a_grant_that_meets_a_cancellation_is_given_back() -> None:
    budget = Budget(D(1))
    await budget.reserve(D(1))
    async with anyio.create_task_group() as group:
        group.start_soon(budget.reserve, D(1))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        budget.settle(D(1), D(0))

    assert (budget.reserved_usd, budget.spent_usd) == (D(0), D(0))
    assert await budget.reserve(D(1))


@pytest.mark.parametrize("seed", range(40))
async def test_no_interleaving_spends_more_than_the_cap_or_serves_out_of_turn(seed: int) -> None:
    chance = random.Random(seed)
    cap = D(chance.randint(50, 300)) / 100
    budget = Budget(cap)
    waiting: dict[int, Decimal] = {}
    running: dict[int, Decimal] = {}
    impatient: set[int] = set()
    turns: list[tuple[Decimal, Decimal, dict[int, Decimal]]] = []
    refused: set[int] = set()

    async def job(number: int, bound: Decimal, pauses: int, actual: Decimal | None, patience: float | None) -> None:
        waiting[number] = bound
        if patience is not None:
            impatient.add(number)
        granted = False
        with anyio.CancelScope(deadline=anyio.current_time() + patience if patience else float("inf")):
            granted = await budget.reserve(bound)
        del waiting[number]
        if not granted:
            refused.add(number)
            return
        running[number] = bound
        ahead = {other: waiting[other] for other in waiting if other < number and other not in impatient}
        turns.append((budget.reserved_usd, sum(running.values(), D(0)), ahead))
        assert budget.spent_usd + budget.reserved_usd <= cap
        for _ in range(pauses):
            await anyio.lowlevel.checkpoint()
        del running[number]
        budget.settle(bound, actual)
        assert budget.spent_usd + budget.reserved_usd <= cap

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for number in range(60):
                bound = D(chance.randint(1, 60)) / 100
                actual = None if chance.random() < 0.1 else bound * chance.randint(0, 100) / 100
                patience = 0.001 if chance.random() < 0.1 else None
                group.start_soon(job, number, bound, chance.randint(0, 5), actual, patience)
                if chance.random() < 0.5:
                    await anyio.lowlevel.checkpoint()

    assert budget.reserved_usd == 0
    assert budget.spent_usd <= cap
    assert turns
    for reserved, held, ahead in turns:
        # Whoever asked earlier and had not gone on yet had at least its reservation.
        assert reserved >= held + sum(bound for number, bound in ahead.items() if number not in refused)
