"""What requests may cost is reserved before they leave, and booked as they end; the cap holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import anyio
import httpx
import pytest

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Request
from pipeline.core.settings import RunSettings
from pipeline.run.need import need_of
from tests.support.lanes import Lane, job, message, problem


async def test_without_a_price_the_cost_is_unknown_and_not_zero() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    result = (await Lane(answer, [job(1)], price=None).run())[0]
    assert result.cost_usd is None
    assert result.price_id is None


async def test_the_budget_is_never_exceeded_and_stops_the_run_resumable() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.001)
        return message()

    cap = Decimal("0.003")
    lane = Lane(answer, [job(number) for number in range(1000)], run=RunSettings(budget_usd=cap))
    results = await lane.run()
    paid = sum(result.cost_usd or 0 for result in results)
    assert Decimal("0.002") < paid <= cap
    assert isinstance(lane.control.reason, StoppedResumable)
    assert len(results) == len(lane.kept.started), "everything that was sent is kept"


async def test_what_is_at_stake_for_an_open_job_is_known_at_every_moment() -> None:
    """One attempt may have been paid, then the key is withdrawn: the bound of the first stays booked."""
    seen = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        seen += 1
        return problem(524, "timeout") if seen == 1 else problem(401, "authentication_error")

    lane = Lane(answer, [job(1)])
    assert await lane.run() == []
    bound = lane.kept.at_stake["job 1"]
    assert bound is not None
    assert Decimal("0.0005") < bound < Decimal("0.001"), "100 tokens of output at $5 and some 120 bytes of input at $1"


async def test_an_attempt_is_booked_at_its_cost_or_its_bound_or_nothing() -> None:
    seen = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        seen += 1
        return [problem(524, "timeout"), problem(429, "rate_limit_error"), message()][seen - 1]

    result = (await Lane(answer, [job(1)]).run())[0]
    first, second, third = (attempt.booked_usd for attempt in result.attempts)
    assert first is not None
    assert first > Decimal("0.0005")
    assert second == 0
    assert third == result.cost_usd == Decimal("0.00002")


@pytest.mark.parametrize(
    "params",
    [{"max_tokens": 1000.0}, {"max_tokens": "5"}, {"max_tokens": True}, {"max_tokens": -1}, {"n": "many"}],
    ids=str,
)
async def test_a_request_that_nothing_bounds_is_not_sent_under_a_budget(params: dict[str, object]) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    lane = Lane(answer, [job(1, **params)], run=RunSettings(budget_usd=Decimal(5)))
    assert await lane.run() == []
    assert isinstance(lane.control.reason, StoppedResumable)
    assert "cannot be bounded" in str(lane.control.reason)


async def test_a_document_that_the_provider_fetches_is_not_sent_under_a_budget() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return message()

    block = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    fetched = replace(
        job(1), request=Request(messages=({"role": "user", "content": [block]},), params={"max_tokens": 5})
    )
    lane = Lane(answer, [fetched], run=RunSettings(budget_usd=Decimal(5)))
    assert await lane.run() == []
    assert [result.status for result in await Lane(answer, [fetched]).run()] == ["ok"]


async def test_several_choices_are_booked_several_times() -> None:
    need = need_of(job(1, n=50, max_completion_tokens=1000), b"{}")
    assert need.max_tokens == 50_000


async def test_the_data_of_an_image_is_not_counted_as_text() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 2_000_000}
    photo = {"type": "image", "source": source}
    seen = replace(job(1), request=Request(messages=({"role": "user", "content": [photo]},), params={"max_tokens": 5}))
    need = need_of(seen, b"x" * 2_000_150)
    assert (need.request_bytes, need.images) == (150, 1)


async def test_a_stream_that_broke_is_booked_at_its_bound_whatever_it_had_counted() -> None:
    stream = (
        b'data: {"type":"message_start","message":{"type":"message","role":"assistant","model":"m","content":[],'
        b'"usage":{"input_tokens":10,"output_tokens":1}}}\n\n'
        b'data: {"type":"message_delta","delta":{},"usage":{"output_tokens":1}}\n\n'
    )

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=stream, headers={"content-type": "text/event-stream"})

    lane = Lane(answer, [job(1, stream=True)], run=RunSettings(max_attempts=1, budget_usd=Decimal(1)))
    result = (await lane.run())[0]
    [attempt] = result.attempts
    assert attempt.possibly_paid
    assert attempt.booked_usd is not None
    assert attempt.booked_usd > Decimal("0.0005")
    assert lane.budget.spent_usd == attempt.booked_usd
