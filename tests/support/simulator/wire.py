"""A client that sees every byte, streams written by hand, and a server that delivers one reply again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import orjson
from aiohttp import web

from pipeline.core.clock import Clock, SystemClock
from pipeline.simulator.delivery import Delivery
from pipeline.simulator.faults import parse
from pipeline.simulator.replies import EVENT_STREAM, Reply

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def event(**payload: object) -> bytes:
    """A frame of a Messages stream."""
    return b"event: %b\ndata: %b\n\n" % (str(payload["type"]).encode(), orjson.dumps(payload))


def chunk(delta: dict[str, object], finish_reason: str | None = None) -> bytes:
    """A frame of a chat stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: %b\n\n" % orjson.dumps({"object": "chat.completion.chunk", "model": "m", "choices": [choice]})


MESSAGE: dict[str, object] = {
    "type": "message",
    "model": "m",
    "content": [{"type": "text", "text": "Hello, wörld"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 7},
}
MESSAGE_FRAMES = (
    event(
        type="message_start", message={"model": "m", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}
    ),
    event(type="content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event(type="ping"),
    event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello, "}),
    event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "wörld"}),
    event(type="content_block_stop", index=0),
    event(type="message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7}),
    event(type="message_stop"),
)
CHAT_FRAMES = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello, "}),
    chunk({"content": "wörld"}),
    chunk({}, "stop"),
    b'data: {"object":"chat.completion.chunk","choices":[],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16}}\n\n',
    b"data: [DONE]\n\n",
)


def reply(words: str = "", **changes: object) -> Reply:
    """A whole answer with faults."""
    plain = {"body": orjson.dumps(MESSAGE), "headers": {"request-id": "req_1"}, "directives": parse(words)}
    return Reply(**{**plain, **changes})  # type: ignore[arg-type]


def stream(words: str = "", frames: tuple[bytes, ...] = MESSAGE_FRAMES, **changes: object) -> Reply:
    """A streamed answer with faults that delivery brings about."""
    return reply(words, body=b"", events=frames, content_type=EVENT_STREAM, **changes)


@dataclass
class Heard:
    """What came over one connection."""

    data: bytes = b""
    reset: bool = False

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


@dataclass
class Served:
    """What the server knows of its deliveries."""

    port: int = 0
    whole: list[bool] = field(default_factory=list)
    begun: int = 0
    done: anyio.Event = field(default_factory=anyio.Event)

    async def delivered(self) -> None:
        """Wait for the first delivery to end."""
        with anyio.fail_after(5):
            await self.done.wait()


@asynccontextmanager
async def serving(choose: Callable[[int], Reply], clock: Clock = SystemClock()) -> AsyncIterator[Served]:  # noqa: B008
    """Serve the reply that `choose` gives for the n-th request."""
    delivery, served, count = Delivery(clock), Served(), iter(range(1_000))

    def begun() -> None:
        served.begun += 1

    async def handle(request: web.Request) -> web.StreamResponse:
        doomed = delivery.cut_if_doomed(request)
        if doomed is not None:
            return doomed
        await request.read()
        response, whole = await delivery.send(request, choose(next(count)), begun)
        served.whole.append(whole)
        served.done.set()
        return response

    app = web.Application()
    app.router.add_route("*", "/", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    try:
        yield served
    finally:
        await runner.cleanup()


async def hear(port: int, *, until: Callable[[bytes], bool] = lambda _: False, requests: int = 1) -> Heard:
    """Send `requests` requests one after another and listen to the end, or until `until` is true of each answer."""
    heard = Heard()
    with anyio.fail_after(20):
        async with await anyio.connect_tcp("127.0.0.1", port) as connection:
            try:
                for _ in range(requests):
                    await connection.send(REQUEST)
                    answer = b""
                    while not until(answer):
                        piece = await connection.receive()
                        answer += piece
                        heard.data += piece
            except anyio.EndOfStream:
                pass
            except anyio.BrokenResourceError:
                heard.reset = True
    return heard


async def deliver(what: Reply, *, clock: Clock = SystemClock(), end: bytes = b"\0never") -> tuple[Heard, Served]:  # noqa: B008
    """Deliver one reply and listen until the connection ends, or `end` was heard."""
    async with serving(lambda _: what, clock) as served:
        heard = await hear(served.port, until=lambda data: data.endswith(end))
        await anyio.sleep(0.02)
    return heard, served
