"""Sends replies over the socket: whole bodies, streams frame by frame, and bytes that no HTTP framework would send."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from itertools import chain
from weakref import WeakSet

import anyio.lowlevel
from aiohttp import web

from pipeline.core.clock import Clock
from pipeline.simulator import fault_bodies
from pipeline.simulator.replies import Reply

_LINGER_NOT = struct.pack("ii", 1, 0)
_SETTLE_SECONDS = 0.05
_DRIP_SECONDS = 0.3
_SILENCE_SECONDS = 90.0
_HOLD_SECONDS = 60.0
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n" * 1_000
_HUGE_HEADER = "a" * 200_000
_RAW = (
    "reset_after_headers",
    "reset_mid_body",
    "cut_length",
    "cut_chunked",
    "cut_close",
    "drip_headers",
    "drip_body",
    "interim_flood",
)
_ENDLESS = ("gzip_bomb", "endless_body")
_SPOILT = (*_ENDLESS, "paid", "notjson", "empty_body", "null_content")
_SPOILT_STREAM = (
    "abrupt",
    "sse_no_delta",
    "sse_error",
    "sse_flood",
    "sse_cut_start",
    "sse_cut_character",
    "sse_cut_tool",
    "sse_cut_delta",
)
"""Faults that leave no whole answer, although every byte was sent."""

Begun = Callable[[], None]
"""To be called when the first byte of the answer leaves."""


class Delivery:
    """Sends replies, each with the faults that its directives ask for."""

    def __init__(self, clock: Clock) -> None:
        """Pause on `clock`."""
        self._clock = clock
        self._doomed: WeakSet[object] = WeakSet()

    def cut_if_doomed(self, request: web.Request) -> web.Response | None:
        """Close a connection that an earlier reply left to die, without reading what it brings."""
        if request.transport not in self._doomed:
            return None
        reset(request)
        return web.Response(status=500)

    async def send(self, request: web.Request, reply: Reply, begun: Begun) -> tuple[web.StreamResponse, bool]:
        """Send `reply`; gives the response, and whether all of a good answer was handed to the socket."""
        try:
            response, sent = await self._send(request, reply, begun)
        except ConnectionError:  # the client is gone
            return web.Response(status=500), False
        return response, sent and not _spoilt(reply)

    async def _send(self, request: web.Request, reply: Reply, begun: Begun) -> tuple[web.StreamResponse, bool]:
        if reply.reset:
            reset(request)
            return web.Response(status=500), False
        wanted = reply.directives
        if wanted.has("close_on_reuse") and request.transport is not None:
            self._doomed.add(request.transport)
        if wanted.has("huge_header"):
            reply = replace(reply, headers={**reply.headers, "x-padding": _HUGE_HEADER})
        if wanted.has(*_RAW):
            return web.Response(status=500), await self._send_raw(request, reply, begun)
        if reply.events is None and not wanted.has(*_ENDLESS):
            return await self._send_whole(request, reply, begun), True
        return await self._send_stream(request, reply, begun), True

    async def _send_whole(self, request: web.Request, reply: Reply, begun: Begun) -> web.StreamResponse:
        response = web.Response(status=reply.status, body=reply.body, headers=_headers(reply))
        begun()
        await response.prepare(request)
        await response.write_eof()
        if reply.directives.has("close_after"):
            _close(request)
        return response

    async def _send_stream(self, request: web.Request, reply: Reply, begun: Begun) -> web.StreamResponse:
        headers = _headers(reply)
        if reply.directives.has("gzip_bomb"):
            headers["Content-Encoding"] = "gzip"
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.enable_chunked_encoding()
        begun()
        await response.prepare(request)
        async for chunk in self._paced(reply):
            await response.write(chunk)
        await self._end(request, response, reply)
        return response

    async def _end(self, request: web.Request, response: web.StreamResponse, reply: Reply) -> None:
        wanted = reply.directives
        if wanted.has("sse_hold_open"):
            await self._hold(request)
        if wanted.has("abrupt"):
            _close(request)
        if request.transport is None or request.transport.is_closing():
            return
        await response.write_eof()
        if wanted.has("close_after"):
            _close(request)

    async def _hold(self, request: web.Request) -> None:
        """Leave the connection open until the client closes it, or a minute has passed."""
        ends = self._clock.monotonic() + _HOLD_SECONDS
        while request.transport is not None and self._clock.monotonic() < ends:
            await self._clock.sleep(_SETTLE_SECONDS)
            await anyio.lowlevel.checkpoint()

    async def _paced(self, reply: Reply) -> AsyncIterator[bytes]:
        """Give the chunks of a body with their pauses."""
        chunks = _chunks(reply)
        if not isinstance(chunks, tuple):
            for chunk in chunks:
                yield chunk
            return
        wanted = reply.directives
        silent_before = len(chunks) // 2 if wanted.has("sse_silence") else None
        for index, chunk in enumerate(chunks):
            if index == silent_before:
                await self._clock.sleep(_SILENCE_SECONDS if wanted.gap is None else wanted.gap)
            if index and reply.gap_seconds > 0:
                await self._clock.sleep(reply.gap_seconds)
            else:
                await anyio.lowlevel.checkpoint()
            if chunk:
                yield chunk

    async def _send_raw(self, request: web.Request, reply: Reply, begun: Begun) -> bool:
        """Write bytes past the framework, and close; gives whether the whole answer was among them."""
        wanted = reply.directives
        body = b"".join(_chunks(reply))
        head = _head(reply, _framing(reply, body))
        begun()
        if wanted.has("interim_flood"):
            _write(request, _INTERIM)
        if wanted.has("drip_headers"):
            await self._drip(request, head, reply)
        else:
            _write(request, head)
        if wanted.has("reset_after_headers"):
            await self._reset_later(request)
            return False
        half = body[: len(body) // 2]
        if wanted.has("reset_mid_body"):
            _write(request, half)
            await self._reset_later(request)
            return False
        if wanted.has("cut_length", "cut_chunked", "cut_close"):
            _write(request, b"%x\r\n%b\r\n" % (len(half), half) if wanted.has("cut_chunked") else half)
            _close(request)
            return False
        if wanted.has("drip_body"):
            await self._drip(request, body, reply)
        else:
            _write(request, body)
        whole = request.transport is not None
        _close(request)
        return whole

    async def _drip(self, request: web.Request, data: bytes, reply: Reply) -> None:
        gap = _DRIP_SECONDS if reply.directives.gap is None else reply.directives.gap
        for index in range(len(data)):
            if request.transport is None:
                return
            _write(request, data[index : index + 1])
            await self._clock.sleep(gap)

    async def _reset_later(self, request: web.Request) -> None:
        """Reset when the client has had time to read: a reset takes with it what lies unread."""
        await self._clock.sleep(_SETTLE_SECONDS)
        reset(request)


def reset(request: web.Request) -> None:
    """Cut the connection with RST, so the client sees a reset rather than an orderly end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


def _chunks(reply: Reply) -> Iterable[bytes]:
    wanted = reply.directives
    chunks: Iterable[bytes] = reply.events if reply.events is not None else (reply.body,)
    if reply.events is None and wanted.has(*_ENDLESS):
        chunks = chain(chunks, fault_bodies.endless())
    return fault_bodies.packed(chunks) if wanted.has("gzip_bomb") else chunks


def _spoilt(reply: Reply) -> bool:
    return reply.directives.has(*_SPOILT) or (reply.events is not None and reply.directives.has(*_SPOILT_STREAM))


def _headers(reply: Reply) -> dict[str, str]:
    return {**reply.headers, "Content-Type": reply.content_type}


def _framing(reply: Reply, body: bytes) -> tuple[str, str]:
    """Choose the header that tells where the body ends."""
    if reply.directives.has("cut_chunked"):
        return "Transfer-Encoding", "chunked"
    if reply.directives.has("cut_close"):
        return "Connection", "close"
    return "Content-Length", str(len(body))


def _head(reply: Reply, framing: tuple[str, str]) -> bytes:
    try:
        reason = HTTPStatus(reply.status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{name}: {value}" for name, value in _headers(reply).items())]
    return "\r\n".join([*lines, ": ".join(framing), "", ""]).encode("latin-1")


def _write(request: web.Request, data: bytes) -> None:
    if request.transport is not None:
        request.transport.write(data)


def _close(request: web.Request) -> None:
    """Send what is written, then FIN."""
    if request.transport is not None:
        request.transport.close()
