"""The limit server admits what its buckets hold and refuses the rest as providers do."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from benchmarks.support.limit_server import LimitServer, input_tokens

BODY = {"messages": [{"role": "user", "content": "x" * 400}]}


@pytest.fixture
async def limited() -> AsyncIterator[tuple[LimitServer, str]]:
    server = LimitServer(requests_per_minute=30, input_tokens_per_minute=100_000, latency_seconds=0)
    application = web.Application()
    application.router.add_post("/v1/messages", server.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield server, f"http://127.0.0.1:{runner.addresses[0][1]}/v1/messages"
    await runner.cleanup()


def test_four_bytes_are_a_token() -> None:
    assert input_tokens(BODY) == 100


@pytest.mark.anyio
async def test_three_pass_and_the_fourth_is_refused_with_a_time(limited: tuple[LimitServer, str]) -> None:
    server, url = limited
    async with aiohttp.ClientSession() as session:
        answers = [await session.post(url, json=BODY) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert (await answers[0].json())["usage"]["input_tokens"] == 100
        assert (await answers[3].json())["error"]["type"] == "rate_limit_error"
    refused = answers[3].headers
    assert refused["retry-after"] == "2"
    assert refused["anthropic-ratelimit-requests-limit"] == "30"
    assert refused["anthropic-ratelimit-requests-remaining"] == "0"
    assert refused["anthropic-ratelimit-input-tokens-remaining"] == "10000"
    assert refused["anthropic-ratelimit-requests-reset"].endswith("Z")
    saw = server.saw()
    assert (saw["admitted"], saw["refused"], saw["tokens"]) == (3, 1, 300)
