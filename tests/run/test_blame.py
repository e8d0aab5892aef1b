"""Whose fault it is, in simulated time: few open jobs sit out an outage; a request that breaks the server ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Failure
from pipeline.core.settings import RunSettings
from pipeline.run.blame import is_providers
from tests.support.lanes import Lane, job, message, problem, sent

Fault = Callable[[], httpx.Response]
OTHERS = 40


def unavailable() -> httpx.Response:
    return problem(503, "api_error", "down")


def broken() -> httpx.Response:
    return problem(500, "api_error", "broken")


def too_slow() -> httpx.Response:
    return problem(504, "timeout_error", "too slow")


def refused() -> httpx.Response:
    raise httpx.ConnectError("connection refused")


def reset() -> httpx.Response:
    raise httpx.ReadError("connection reset")


FAULTS = [unavailable, refused, broken, too_slow, reset]


class Provider:
    """Answers, but for faults that are counted."""

    def __init__(self, fault: Fault, jobs: int, *, concurrency: int = 64) -> None:
        self.faults = 0
        self.answers = 0
        self._fault = fault
        self._jobs = [job(number) for number in range(jobs)]
        self.lane = Lane(self._answer, self._jobs, run=RunSettings(concurrency=concurrency))

    def is_down(self, request: httpx.Request) -> bool:
        raise NotImplementedError

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await self.lane.clock.sleep(0.2)
        if self.is_down(request):
            self.faults += 1
            return self._fault()
        self.answers += 1
        return message()


class Outage(Provider):
    """Begins when `open_jobs` are left, and lasts."""

    def __init__(self, fault: Fault, *, others: int, open_jobs: int, concurrency: int, seconds: float) -> None:
        super().__init__(fault, others + open_jobs, concurrency=concurrency)
        self._others = others
        self._seconds = seconds
        self._since: float | None = None

    def is_down(self, request: httpx.Request) -> bool:
        if self.answers < self._others:
            return False
        now = self.lane.clock.monotonic()
        self._since = now if self._since is None else self._since
        return now < self._since + self._seconds


class Poisoned(Provider):
    """Is brought down by the last jobs, each time."""

    def __init__(self, fault: Fault, *, others: int, poisoned: int) -> None:
        super().__init__(fault, others + poisoned)
        self._others = others

    def is_down(self, request: httpx.Request) -> bool:
        return int(sent(request).split()[1]) >= self._others


@pytest.mark.parametrize("concurrency", [1, 64])
@pytest.mark.parametrize("others", [0, OTHERS], ids=["a small run", "the end of a run"])
@pytest.mark.parametrize("open_jobs", [1, 2, 3, 5])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_an_outage_of_a_minute_fails_no_job_however_few_are_open(
    fault: Fault, open_jobs: int, others: int, concurrency: int
) -> None:
    provider = Outage(fault, others=others, open_jobs=open_jobs, concurrency=concurrency, seconds=60)
    results = await provider.lane.run()
    assert Counter(result.status for result in results) == {"ok": others + open_jobs}
    assert provider.faults <= 50
    assert provider.lane.clock.monotonic() < 60 + 60


@pytest.mark.parametrize("others", [0, OTHERS], ids=["a small run", "the end of a run"])
@pytest.mark.parametrize("poisoned", [1, 2, 3])
@pytest.mark.parametrize("fault", [broken, too_slow, reset], ids=lambda fault: fault.__name__)
async def test_a_request_that_always_brings_the_server_down_ends_in_error_and_holds_up_nobody(
    fault: Fault, poisoned: int, others: int
) -> None:
    provider = Poisoned(fault, others=others, poisoned=poisoned)
    results = await provider.lane.run()
    expected = {"ok": others, "error": poisoned} if others else {"error": poisoned}
    assert Counter(result.status for result in results) == expected
    assert {len(result.attempts) for result in results if result.status == "error"} == {RunSettings().max_attempts}
    assert provider.lane.control.reason is None
    assert provider.lane.clock.monotonic() < 120


async def test_a_request_that_fails_while_others_are_answered_ends_soon_whatever_the_fault() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await lane.clock.sleep(1)
        return unavailable() if sent(request) == "number 0" else message()

    lane = Lane(answer, [job(number) for number in range(200)], run=RunSettings(concurrency=2))
    results = await lane.run()
    assert [result.status for result in results] == ["error"] + ["ok"] * 199
    assert len(results[0].attempts) == 6
    assert lane.kept.events == []


@pytest.mark.parametrize("fault", [unavailable, refused], ids=lambda fault: fault.__name__)
async def test_a_lone_job_waits_for_a_provider_that_is_not_there_and_stays_open(fault: Fault) -> None:
    provider = Outage(fault, others=0, open_jobs=1, concurrency=8, seconds=1e9)
    assert await provider.lane.run() == []
    assert isinstance(provider.lane.control.reason, StoppedResumable)
    assert "longer than max_outage_seconds = 900" in str(provider.lane.control.reason)
    assert provider.lane.kept.events == ["the provider fails; waiting until it answers again"]
    assert 900 < provider.lane.clock.monotonic() < 1000
    assert provider.faults < 50


async def test_one_attempt_is_one_attempt() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return unavailable()

    lane = Lane(answer, [job(number) for number in range(3)], run=RunSettings(max_attempts=1))
    assert [len(result.attempts) for result in await lane.run()] == [1, 1, 1]


async def test_a_server_that_asks_not_to_be_asked_again_is_obeyed() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(503, "api_error", **{"x-should-retry": "false"})

    assert [len(result.attempts) for result in await Lane(answer, [job(1)]).run()] == [1]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(kind="transport", message="refused"), True),
        (Failure(kind="transport", message="reset", possibly_paid=True), False),
        (Failure(kind="transport", message="blocked by a CDN", http_status=403), False),
        (Failure(kind="overload", message="down", http_status=503), True),
        (Failure(kind="overload", message="no upstream", http_status=502, possibly_paid=True), True),
        (Failure(kind="overload", message="broken", http_status=500), False),
        (Failure(kind="overload", message="too slow", http_status=504, possibly_paid=True), False),
        (Failure(kind="overload", message="after 200", http_status=200, possibly_paid=True), False),
    ],
    ids=lambda value: value.message if isinstance(value, Failure) else "",
)
def test_what_no_request_can_cause_is_the_providers(failure: Failure, expected: bool) -> None:
    assert is_providers(failure) is expected
