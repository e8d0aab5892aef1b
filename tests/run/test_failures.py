"""What a failure does to its job, its lane and the run: another attempt, an error, a stop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import anyio
import httpx

from pipeline.core.errors import KeyRefused, RequestRejected, SettingsError, StoppedResumable
from pipeline.core.settings import RunSettings
from pipeline.run.control import RunControl
from tests.support.lanes import Lane, job, message, problem, sent


async def test_a_transient_failure_is_retried_and_every_attempt_is_kept() -> None:
    seen: Counter[str] = Counter()

    async def answer(request: httpx.Request) -> httpx.Response:
        seen[sent(request)] += 1
        return problem(529, "overloaded_error", "Overloaded") if seen[sent(request)] < 3 else message()

    lane = Lane(answer, [job(1)])
    result = (await lane.run())[0]
    assert result.status == "ok"
    assert [attempt.http_status for attempt in result.attempts] == [529, 529, 200]
    assert result.attempts[0].error is not None
    assert "Overloaded" in result.attempts[0].error
    assert lane.clock.monotonic() > 0, "it waited"


async def test_attempts_run_out() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(500, "api_error")

    result = (await Lane(answer, [job(1)], run=RunSettings(max_attempts=4)).run())[0]
    assert (result.status, result.error_kind, result.http_status, len(result.attempts)) == ("error", "overload", 500, 4)
    assert result.cost_usd is None


async def test_a_rate_limit_is_not_charged_to_the_job_and_closes_the_gate_for_the_lane() -> None:
    refused = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refused
        refused += 1
        return problem(429, "rate_limit_error", **{"retry-after": "7"}) if refused <= 12 else message()

    lane = Lane(answer, [job(1)], run=RunSettings(max_attempts=2))
    result = (await lane.run())[0]
    assert (result.status, len(result.attempts)) == ("ok", 13)
    assert lane.clock.monotonic() >= 12 * 7


async def test_a_permanent_failure_is_final() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(413, "request_too_large", "too long") if "number 3" in sent(request) else message()

    results = await Lane(answer, [job(number) for number in range(6)]).run()
    assert [result.status for result in results] == ["ok", "ok", "ok", "error", "ok", "ok"]
    assert (results[3].error_kind, len(results[3].attempts)) == ("request", 1)


async def test_a_refused_key_stops_the_run_and_leaves_the_jobs_open() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(401, "authentication_error", "invalid x-api-key")

    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(concurrency=8))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, KeyRefused)
    assert len(lane.kept.started) <= 8, "a dead key costs at most what was in flight"


async def test_an_unknown_model_stops_the_run_when_it_is_the_only_lane() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(404, "not_found_error", "model: m")

    lane = Lane(answer, [job(1), job(2)])
    assert await lane.run() == []
    assert isinstance(lane.control.reason, SettingsError)


async def test_an_unknown_model_beside_others_stops_its_lane_and_skips_the_rest() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(404, "not_found_error", "model: m")

    lane = Lane(answer, [job(number) for number in range(50)], run=RunSettings(concurrency=1), only_lane=False)
    results = await lane.run()
    assert lane.control.reason is None
    assert Counter(result.status for result in results) == {"error": 1, "skipped": 49}
    assert "not sent" in (results[-1].error_message or "")


async def test_twenty_equal_refusals_and_no_answer_stop_the_run() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(400, "invalid_request_error", "top_k: bad")

    lane = Lane(answer, [job(number) for number in range(500)], run=RunSettings(concurrency=1))
    assert len(await lane.run()) == 20
    assert isinstance(lane.control.reason, RequestRejected)


async def test_a_wait_longer_than_allowed_stops_the_run_resumable() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(429, "rate_limit_error", "daily limit", **{"retry-after": "21600"})

    lane = Lane(answer, [job(1), job(2)], run=RunSettings(concurrency=1))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "max_wait_seconds" in str(lane.control.reason)


async def test_a_stop_lets_what_is_in_flight_finish() -> None:
    lane: Lane

    async def answer(request: httpx.Request) -> httpx.Response:
        if "number 5" in sent(request):
            lane.control.stop(signal=2)
        await anyio.sleep(0.01)
        return message()

    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(concurrency=10))
    results = await lane.run()
    assert len(results) == len(lane.kept.started) <= 20
    assert all(result.status == "ok" for result in results)


async def test_a_wrong_parameter_costs_at_most_twenty_requests_whatever_the_concurrency() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.001)
        return problem(400, "invalid_request_error", "top_k: bad")

    lane = Lane(answer, [job(number) for number in range(500)], run=RunSettings(concurrency=64))
    assert len(await lane.run()) == 20
    assert len(lane.kept.started) == 20


async def test_different_refusals_do_not_hold_up_the_trial() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        number = int(sent(request).removeprefix("number "))
        return problem(413, "request_too_large", f"row {number} is too long") if number < 60 else message()

    results = await Lane(answer, [job(number) for number in range(100)], run=RunSettings(concurrency=8)).run()
    assert Counter(result.status for result in results) == {"error": 60, "ok": 40}


async def test_our_own_backoff_is_no_demand_of_the_provider() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return problem(500, "api_error") if answered.pop() else message()

    answered = [False, True, True, True]
    lane = Lane(answer, [job(1)], run=RunSettings(max_wait_seconds=0.001))
    assert [result.status for result in await lane.run()] == ["ok"]
    assert lane.control.reason is None


async def test_rate_limits_without_a_time_are_asked_again_ever_more_slowly() -> None:
    refusals = 8

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal refusals
        refusals -= 1
        return problem(429, "rate_limit_error") if refusals >= 0 else message()

    lane = Lane(answer, [job(1)])
    assert [result.status for result in await lane.run()] == ["ok"]
    assert lane.clock.monotonic() >= 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60


async def test_a_signal_counts_beside_an_earlier_reason() -> None:
    control = RunControl()
    control.stop(StoppedResumable("budget"))
    control.stop(signal=2)
    assert control.signal == 2
    assert isinstance(control.reason, StoppedResumable)


async def test_refusals_that_differ_in_their_request_ids_alone_are_alike() -> None:
    count = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return problem(400, "invalid_request_error", f"req_{count:012x}: top_k: bad")

    lane = Lane(answer, [job(number) for number in range(100)], run=RunSettings(concurrency=1))
    assert len(await lane.run()) == 20
    assert isinstance(lane.control.reason, RequestRejected)


async def test_a_lane_that_cannot_send_takes_earlier_answers_and_stops_at_its_first_request() -> None:
    sent_jobs: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent_jobs.append(sent(request))
        return message()

    done = [replace(job(number), earlier=(await Lane(answer, [job(number)]).run())[0]) for number in range(3)]
    sent_jobs.clear()
    lane = Lane(answer, [*done, job(3), job(4)])
    lane.problem = SettingsError("no key")
    assert len(await lane.run()) == 3
    assert lane.control.reason is lane.problem
    lane = Lane(answer, done)
    lane.problem = SettingsError("no key")
    assert len(await lane.run()) == 3
    assert lane.control.reason is None
    assert sent_jobs == []
