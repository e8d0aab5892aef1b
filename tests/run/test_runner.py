"""A lane brings every job to one result, with no more in flight than allowed, each within its deadline."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import anyio
import httpx
import pytest

from pipeline.core.records import Failure, Result
from pipeline.core.settings import Limits, RunSettings
from tests.support.lanes import Kept, Lane, job, message, problem, sent


async def test_every_job_gets_one_result_with_usage_and_cost() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message(sent(request).upper())

    results = await Lane(answer, [job(number) for number in range(300)]).run()
    assert [result.text for result in results] == [f"NUMBER {number}" for number in range(300)]
    first = results[0]
    assert (first.status, first.stop_reason, first.input_tokens, first.output_tokens) == ("ok", "end_turn", 10, 2)
    assert first.cost_usd == Decimal("0.00002")
    assert (first.usage_source, first.price_id, first.request_id) == ("reported", "lab/m@2026-01-01", "req_1")
    assert len(first.attempts) == 1


async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return message()

    lane = Lane(answer, [job(number) for number in range(60)], run=RunSettings(concurrency=7))
    assert len(await lane.run()) == 60
    assert lane.kept.most_in_flight == 7


async def test_a_start_is_noted_before_each_job_leaves() -> None:
    lane: Lane

    async def answer(request: httpx.Request) -> httpx.Response:
        assert "job " + sent(request).removeprefix("number ") in lane.kept.started
        return message()

    lane = Lane(answer, [job(number) for number in range(5)])
    await lane.run()
    assert len(lane.kept.started) == 5


async def test_a_job_with_an_earlier_answer_is_done_and_sends_nothing() -> None:
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(sent(request))
        return message()

    known = (await Lane(answer, [job(1)]).run())[0]
    results = await Lane(answer, [replace(job(1), earlier=known), job(2)]).run()
    assert results[0] is known
    assert asked == ["number 1", "number 2"]


async def test_a_row_without_a_request_is_an_error_and_sends_nothing() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    broken = replace(job(1), request=None, failure=Failure(kind="local", message="column 'x' is null in this row"))
    lane = Lane(answer, [job(0), broken])
    results = await lane.run()
    assert [result.status for result in results] == ["ok", "error"]
    assert results[1].error_message == "column 'x' is null in this row"
    assert lane.kept.started == ["job 0"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"stop_reason": "max_tokens"}, "truncated"),
        ({"stop_reason": "refusal", "content": []}, "refused"),
        ({"content": []}, "empty"),
        ({"stop_reason": "from the future"}, "ok"),
    ],
)
async def test_the_stop_reason_decides_what_an_answer_is_worth(more: dict[str, object], status: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message(**more)  # type: ignore[arg-type]

    result = (await Lane(answer, [job(1)]).run())[0]
    assert result.status == status
    assert result.stop_reason_raw == more.get("stop_reason", "end_turn")


async def test_missing_usage_is_estimated_and_said_so() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message("word " * 100, usage=None)

    result = (await Lane(answer, [job(1)]).run())[0]
    assert result.usage_source == "estimated"
    assert 60 < (result.output_tokens or 0) < 250
    assert result.cost_usd is not None


async def test_a_request_never_outlives_its_deadline() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(30)
        return message()

    lane = Lane(answer, [job(1)], run=RunSettings(deadline_seconds=0.05, max_attempts=2))
    result = (await lane.run())[0]
    assert (result.status, result.error_kind, len(result.attempts)) == ("error", "transport", 2)
    assert all(attempt.possibly_paid for attempt in result.attempts)


async def test_a_body_that_never_ends_does_not_outlive_the_deadline_either() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                await anyio.sleep(0.01)
                yield b" "

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Drip())

    result = (await Lane(answer, [job(1)], run=RunSettings(deadline_seconds=0.1, max_attempts=1)).run())[0]
    assert result.error_kind == "transport"
    assert "deadline" in (result.error_message or "")


async def test_requests_are_paced_by_the_known_limit() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    limits = Limits(input_tokens_per_minute=6000, burst_seconds=1)
    lane = Lane(answer, [job(number) for number in range(100)], limits=limits)
    await lane.run()
    assert 7 < lane.clock.monotonic() < 12, "1,000 reported input tokens at 100 a second, a second's worth at once"


async def test_the_key_is_in_no_result() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "number 1" in sent(request):
            return problem(413, "request_too_large", "your key sk-canary-7f3a sent too much")
        return message("the key is sk-canary-7f3a")

    results = await Lane(answer, [job(0), job(1)]).run()
    assert "canary" not in repr(results)


async def test_answers_that_cannot_be_stored_hold_up_the_sending() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    class SlowDisk(Kept):
        async def put(self, result: Result) -> None:
            await anyio.sleep(0.02)
            self.waiting = max(self.waiting, len(self.started) - len(self.results))
            await super().put(result)

        waiting = 0

    lane = Lane(answer, [job(number) for number in range(60)], run=RunSettings(concurrency=4))
    slow = lane.use(SlowDisk())
    await lane.run()
    assert slow.waiting <= 4, "no more is sent than can be in flight, however slow the disk"


async def test_an_answer_with_numbers_beyond_64_bits_and_broken_text_is_stored() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        body = (
            b'{"type":"message","role":"assistant","content":[{"type":"text","text":"\\ud83d hello"}],'
            b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1,"odd":123456789012345678901234567890}}'
        )
        return httpx.Response(200, content=body)

    result = (await Lane(answer, [job(1)]).run())[0]
    assert (result.status, "hello" in (result.text or "")) == ("ok", True)
