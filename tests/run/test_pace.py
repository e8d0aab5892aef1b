"""A lane against a provider in simulated time: it finds limits, sits out outages, and multiplies no fault."""

from __future__ import annotations

from collections import Counter
from random import Random

import httpx
import pytest

from pipeline.core.errors import StoppedResumable
from pipeline.core.settings import RunSettings
from tests.support.clock import ManualClock
from tests.support.lanes import Lane, job, message, problem, sent


class LimitedProvider:
    """A token bucket of requests in front of answers that take a while."""

    def __init__(self, clock: ManualClock, *, per_second: float, capacity: float, tells: bool = False) -> None:
        self.refused = 0
        self._clock = clock
        self._per_second = per_second
        self._capacity = self._level = capacity
        self._tells = tells
        self._as_of = 0.0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        now = self._clock.monotonic()
        self._level = min(self._capacity, self._level + (now - self._as_of) * self._per_second)
        self._as_of = now
        if self._level < 1:
            self.refused += 1
            await self._clock.sleep(0.02)
            return problem(429, "rate_limit_error", **{"retry-after": "1"})
        self._level -= 1
        left = self._level
        await self._clock.sleep(0.5)
        response = message()
        if self._tells:
            response.headers["anthropic-ratelimit-requests-limit"] = str(60 * self._per_second)
            response.headers["anthropic-ratelimit-requests-remaining"] = str(int(left))
        return response


async def run_limited(jobs: int, *, per_second: float, capacity: float, tells: bool) -> tuple[float, float]:
    """Gives the use of the limit, of what was possible, and refusals per job."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return await provider.answer(request)

    lane = Lane(answer, [job(number) for number in range(jobs)], run=RunSettings(concurrency=64))
    provider = LimitedProvider(lane.clock, per_second=per_second, capacity=capacity, tells=tells)
    results = await lane.run()
    assert Counter(result.status for result in results) == {"ok": jobs}
    possible = (jobs - capacity) / per_second + 0.5
    return possible / lane.clock.monotonic(), provider.refused / jobs


@pytest.mark.parametrize(
    ("jobs", "capacity"), [(1200, 20), (2400, 400)], ids=["a second's worth at once", "20 seconds' worth at once"]
)
async def test_an_unknown_limit_is_found_and_used(jobs: int, capacity: float) -> None:
    """G11: at most 5 % refused, at least 90 % of what is possible."""
    used, refused = await run_limited(jobs, per_second=20, capacity=capacity, tells=False)
    assert used >= 0.95
    assert refused <= 0.05


async def test_a_limit_that_is_told_is_used_without_a_refusal() -> None:
    used, refused = await run_limited(1200, per_second=20, capacity=400, tells=True)
    assert used >= 0.95
    assert refused == 0


async def run_outage(jobs: int, concurrency: int) -> tuple[Lane, list[float]]:
    """A minute of 503 from the fifth second on; gives the times of the requests that fell into it."""
    failed: list[float] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        now = lane.clock.monotonic()
        if 5 <= now < 65:
            failed.append(now)
            return problem(503, "api_error", "down")
        await lane.clock.sleep(0.5)
        return message()

    lane = Lane(answer, [job(number) for number in range(jobs)], run=RunSettings(concurrency=concurrency))
    assert Counter(result.status for result in await lane.run()) == {"ok": jobs}
    return lane, failed


@pytest.mark.parametrize(("jobs", "concurrency"), [(2000, 64), (400, 8), (60, 1)])
async def test_an_outage_costs_few_requests_and_no_job(jobs: int, concurrency: int) -> None:
    """H4: no more than 100 requests in a minute, and every job is answered afterwards."""
    lane, failed = await run_outage(jobs, concurrency)
    assert len(failed) <= 100
    assert lane.kept.events == ["the provider fails; waiting until it answers again", "the provider answers again"]


async def test_an_outage_that_lasts_too_long_leaves_the_jobs_open() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(503, "api_error", "down")

    lane = Lane(answer, [job(number) for number in range(200)], run=RunSettings(max_outage_seconds=300))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "max_outage_seconds = 300" in str(lane.control.reason)
    assert 300 < lane.clock.monotonic() < 400


async def test_random_faults_are_retried_without_multiplying() -> None:
    """5 % of 503: at most 1.07 requests a job, and no job fails."""
    rng = Random(3)
    count = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        await lane.clock.sleep(0.5)
        return problem(503, "api_error") if rng.random() < 0.05 else message()

    lane = Lane(answer, [job(number) for number in range(3000)], run=RunSettings(concurrency=64))
    assert Counter(result.status for result in await lane.run()) == {"ok": 3000}
    assert count <= 1.07 * 3000
    assert lane.kept.events == []


async def test_a_job_that_fails_while_others_are_answered_is_at_fault_itself() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await lane.clock.sleep(0.1)
        return problem(500, "api_error") if int(sent(request).split()[1]) % 10 == 0 else message()

    lane = Lane(answer, [job(number) for number in range(300)], run=RunSettings(concurrency=8, max_attempts=3))
    results = await lane.run()
    assert Counter(result.status for result in results) == {"ok": 270, "error": 30}
    assert lane.control.reason is None


async def test_a_job_that_waits_for_another_attempt_holds_up_no_other() -> None:
    answered: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if sent(request) == "number 0" and len(answered) < 19:
            return problem(409, "conflict")
        answered.append(sent(request))
        return message()

    run = RunSettings(concurrency=1, max_attempts=100)
    lane = Lane(answer, [job(number) for number in range(20)], run=run)
    assert [result.status for result in await lane.run()] == ["ok"] * 20
    assert answered[-1] == "number 0"
    assert lane.kept.most_in_flight == 1


async def test_a_wait_of_more_than_two_minutes_is_told_at_once_and_once() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if lane.clock.monotonic() < 600:
            return problem(429, "rate_limit_error", "hourly limit", **{"retry-after": "600"})
        return message()

    lane = Lane(answer, [job(number) for number in range(50)], run=RunSettings(concurrency=8))
    assert Counter(result.status for result in await lane.run()) == {"ok": 50}
    assert [said[:35] for said in lane.kept.events] == ["the provider asks to wait 600 s: HT"]


async def test_a_provider_that_refuses_everything_is_told_of_and_left_for_later() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(429, "rate_limit_error")

    lane = Lane(answer, [job(number) for number in range(20)], run=RunSettings(max_wait_seconds=1000))
    assert await lane.run() == []
    assert "has refused every request for" in lane.kept.events[0]
    assert "max_wait_seconds = 1000" in str(lane.control.reason)
    assert 1000 < lane.clock.monotonic() < 1200


async def test_a_pace_is_not_measured_over_an_outage() -> None:
    """20 requests a second, and five minutes of 503: what the lane found out before and after is its rate."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if 30 <= lane.clock.monotonic() < 330:
            return problem(503, "api_error")
        return await provider.answer(request)

    lane = Lane(answer, [job(number) for number in range(1500)], run=RunSettings(concurrency=64))
    provider = LimitedProvider(lane.clock, per_second=20, capacity=20)
    assert Counter(result.status for result in await lane.run()) == {"ok": 1500}
    assert lane.clock.monotonic() < 1.1 * (300 + 1500 / 20) + 30
    assert provider.refused <= 0.05 * 1500


async def test_a_pace_that_rested_for_a_day_is_still_a_pace() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if 20 <= lane.clock.monotonic() < 86_000:
            return problem(429, "rate_limit_error", **{"retry-after": "86000"})
        return await provider.answer(request)

    run = RunSettings(concurrency=64, max_wait_seconds=100_000)
    lane = Lane(answer, [job(number) for number in range(900)], run=run)
    provider = LimitedProvider(lane.clock, per_second=20, capacity=20)
    assert Counter(result.status for result in await lane.run()) == {"ok": 900}
