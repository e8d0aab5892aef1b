"""A provider on loopback that takes its time, and notes when each request arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from anyio.from_thread import start_blocking_portal

_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "sim-small",
    "content": [{"type": "text", "text": "4"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 2},
}


@dataclass(slots=True)
class SlowProvider:
    """Answers every request after `seconds`."""

    seconds: float
    base_url: str = ""
    arrivals: list[float] = field(default_factory=list)
    """By the monotonic clock, which all processes of a machine share."""

    async def _answer(self, request: web.Request) -> web.Response:
        self.arrivals.append(time.monotonic())
        await request.read()
        await asyncio.sleep(self.seconds)
        return web.json_response(_ANSWER)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SlowProvider]:
        """Serve while the block lasts."""
        app = web.Application()
        app.router.add_post("/v1/messages", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


@contextmanager
def slow_provider(seconds: float) -> Iterator[SlowProvider]:
    """A slow provider in a thread of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(SlowProvider(seconds).serving()) as provider,
    ):
        yield provider
