"""Retry decides from the failure, the count and chance alone."""

from __future__ import annotations

from random import Random

import anyio
import pytest

from pipeline.core.records import Failure
from pipeline.run.retry import RetryBudget, RetryPolicy, next_delay, retry_cost

POLICY = RetryPolicy(max_attempts=6, base_seconds=1.0, max_seconds=60.0)


def failure(*, transient: bool = True, retry_after: float | None = None) -> Failure:
    return Failure(kind="overload", message="busy", transient=transient, retry_after_seconds=retry_after)


def test_a_permanent_failure_is_not_retried() -> None:
    assert next_delay(POLICY, failure(transient=False), 1, Random(0)) is None


def test_the_last_attempt_gives_up() -> None:
    assert next_delay(POLICY, failure(), 5, Random(0)) is not None
    assert next_delay(POLICY, failure(), 6, Random(0)) is None


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
def test_the_wait_is_uniform_up_to_a_doubling_ceiling(attempt: int, ceiling: float) -> None:
    rng = Random(7)
    waits = [next_delay(POLICY, failure(), attempt, rng) or 0 for _ in range(2000)]
    assert 0 <= min(waits) < 0.01 * ceiling
    assert 0.99 * ceiling < max(waits) <= ceiling
    assert sum(waits) / len(waits) == pytest.approx(ceiling / 2, rel=0.05)


def test_the_ceiling_is_capped() -> None:
    patient = RetryPolicy(max_attempts=100)
    rng = Random(7)
    waits = [next_delay(patient, failure(), 50, rng) or 0 for _ in range(2000)]
    assert 59 < max(waits) <= 60
    assert min(waits) < 1, "jitter must not vanish at the cap"


def test_retry_after_is_a_floor_that_is_spread_by_a_tenth() -> None:
    rng = Random(7)
    waits = [next_delay(POLICY, failure(retry_after=30.0), 1, rng) or 0 for _ in range(500)]
    assert min(waits) >= 30
    assert 32 < max(waits) <= 33


def test_a_failure_that_was_not_charged_yet_waits_like_a_first_one() -> None:
    assert 0 <= (next_delay(POLICY, failure(), 0, Random(1)) or 0) <= 1


def test_an_attempt_that_was_probably_paid_costs_twice() -> None:
    paid = Failure(kind="transport", message="cut", transient=True, possibly_paid=True)
    unpaid = Failure(kind="transport", message="refused", transient=True)
    assert (retry_cost(paid), retry_cost(unpaid), retry_cost(failure())) == (2.0, 1.0, 1.0)


async def test_a_full_budget_covers_a_hundred_retries() -> None:
    budget = RetryBudget(on_credit=1)
    assert [await budget.take(1) for _ in range(101)] == [False] * 100 + [True]


async def test_an_empty_budget_lets_a_few_go_on_credit_one_after_the_other() -> None:
    budget = RetryBudget(on_credit=2)
    await budget.take(100)
    out: list[int] = []

    async def retry(number: int) -> None:
        assert await budget.take(1)
        out.append(number)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(retry, number)
        await anyio.wait_all_tasks_blocked()
        assert out == [0, 1]
        for back in range(3):
            budget.returned()
            await anyio.wait_all_tasks_blocked()
            assert len(out) == 3 + back
    assert out == [0, 1, 2, 3, 4]


async def test_ten_answers_pay_for_a_retry_that_waits() -> None:
    budget = RetryBudget(on_credit=1)
    await budget.take(100)
    assert await budget.take(1)
    covered: list[bool] = []

    async def retry() -> None:
        covered.append(not await budget.take(1))

    async with anyio.create_task_group() as group:
        group.start_soon(retry)
        await anyio.wait_all_tasks_blocked()
        for _ in range(9):
            budget.answered()
        await anyio.wait_all_tasks_blocked()
        assert not covered
        for _ in range(2):
            budget.answered()
    assert covered == [True]


async def test_a_retry_that_stops_waiting_takes_nothing() -> None:
    budget = RetryBudget(on_credit=1)
    await budget.take(100)
    await budget.take(1)
    with anyio.move_on_after(0.001):
        await budget.take(1)
    budget.returned()
    with anyio.fail_after(1):
        assert await budget.take(1)
