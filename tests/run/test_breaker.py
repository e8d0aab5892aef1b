"""The breaker opens on half of 40 outcomes, lets one request try at a time, and closes on answers."""

from __future__ import annotations

from random import Random

import anyio
import anyio.lowlevel

from pipeline.run.breaker import ANSWERS_TO_CLOSE, FAULTS_TO_OPEN, Breaker
from tests.support.clock import ManualClock


class Watched:
    def __init__(self, concurrency: int = 64) -> None:
        self.clock = ManualClock()
        self.said: list[str] = []
        self.breaker = Breaker(concurrency, self.clock, Random(1), changed=self.said.append)

    def break_down(self) -> None:
        for _ in range(FAULTS_TO_OPEN):
            self.breaker.faulted(tried=False)

    async def probe(self, *, answered: bool) -> float:
        """Let one request try; gives how long it had to wait."""
        begun = self.clock.monotonic()
        assert await self.breaker.passed()
        waited = self.clock.monotonic() - begun
        if answered:
            self.breaker.answered(tried=True)
        else:
            self.breaker.faulted(tried=True)
        self.breaker.tried()
        return waited


async def test_it_stays_closed_while_most_requests_are_answered() -> None:
    watched = Watched()
    for number in range(1000):
        if number % 3:
            watched.breaker.answered(tried=False)
        else:
            watched.breaker.faulted(tried=False)
    assert watched.breaker.is_closed
    assert not await watched.breaker.passed()


async def test_it_opens_when_half_of_the_last_outcomes_are_faults_and_says_so_once() -> None:
    watched = Watched()
    for _ in range(500):
        watched.breaker.answered(tried=False)
    watched.break_down()
    assert not watched.breaker.is_closed
    watched.break_down()
    assert watched.said == ["the provider fails; waiting until it answers again"]


async def test_probes_come_ever_more_slowly() -> None:
    watched = Watched()
    watched.break_down()
    waits = [await watched.probe(answered=False) for _ in range(8)]
    for wait, planned in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert 0.8 * planned <= wait <= 1.2 * planned
    assert watched.breaker.open_seconds > 90


async def test_one_request_tries_at_a_time() -> None:
    watched = Watched()
    watched.break_down()
    out = 0

    async def leave() -> None:
        nonlocal out
        await watched.breaker.passed()
        out += 1

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(leave)
        await anyio.wait_all_tasks_blocked()
        await watched.clock.sleep(100)
        await anyio.wait_all_tasks_blocked()
        assert out == 1
        group.cancel_scope.cancel()


async def test_a_probe_that_did_not_leave_lets_the_next_one_try() -> None:
    watched = Watched()
    watched.break_down()
    assert await watched.breaker.passed()
    watched.breaker.withdrawn()
    with anyio.fail_after(1):
        assert await watched.breaker.passed()


async def test_an_answer_lets_a_quarter_through_and_ten_all() -> None:
    watched = Watched(concurrency=16)
    watched.break_down()
    await watched.probe(answered=True)
    assert not watched.breaker.is_closed
    assert [await watched.breaker.passed() for _ in range(4)] == [True] * 4
    with anyio.move_on_after(0.01) as scope:
        await watched.breaker.passed()
    assert scope.cancelled_caught
    for _ in range(ANSWERS_TO_CLOSE - 1):
        watched.breaker.answered(tried=True)
    assert watched.breaker.is_closed
    assert watched.said[-1] == "the provider answers again"


async def test_faults_at_half_strength_open_it_again() -> None:
    watched = Watched()
    watched.break_down()
    await watched.probe(answered=True)
    for _ in range(3):
        watched.breaker.faulted(tried=True)
    assert await watched.probe(answered=False) > 0.5
    assert len(watched.said) == 1


async def test_an_answer_to_a_request_that_left_before_proves_nothing() -> None:
    watched = Watched()
    watched.break_down()
    for _ in range(20):
        watched.breaker.answered(tried=False)
    assert not watched.breaker.is_closed
    assert await watched.probe(answered=False) > 0.5


async def test_late_faults_of_requests_that_left_before_do_not_open_it_again() -> None:
    watched = Watched()
    watched.break_down()
    await watched.probe(answered=True)
    for _ in range(10):
        watched.breaker.faulted(tried=False)
    with anyio.fail_after(1):
        assert await watched.breaker.passed()


async def test_a_probe_whose_time_comes_between_two_looks_at_the_clock_is_not_missed() -> None:
    class Creeping(ManualClock):
        def monotonic(self) -> float:
            self.advance(1e-7)
            return super().monotonic()

    clock = Creeping()
    breaker = Breaker(8, clock, Random(1), changed=[].append)
    for _ in range(FAULTS_TO_OPEN):
        breaker.faulted(tried=False)
    for _ in range(200):
        with anyio.fail_after(1):
            assert await breaker.passed()
        breaker.faulted(tried=True)
        breaker.tried()
