"""The transport reports what happened as httpx exceptions, keeps keys out of requests, follows nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from gzip import compress
from pathlib import Path
from shutil import which

import aiohttp
import anyio
import anyio.abc
import httpx
import pytest

from pipeline.core.secrets import Secret
from pipeline.run.transport import AUTH, NEW_CONNECTION, AiohttpTransport, StaleConnection, translated

Handler = Callable[[anyio.abc.SocketStream], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def handle(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await handler(stream)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


def answering(raw: bytes, seen: list[bytes] | None = None) -> Handler:
    async def handler(stream: anyio.abc.SocketStream) -> None:
        request = await stream.receive()
        if seen is not None:
            seen.append(request)
        await stream.send(raw)

    return handler


async def fetch(url: str, **extensions: object) -> tuple[httpx.Response, bytes]:
    async with AiohttpTransport() as transport:
        request = httpx.Request("POST", url + "/v1/messages", content=b"{}", extensions=dict(extensions))
        response = await transport.handle_async_request(request)
        try:
            return response, b"".join([chunk async for chunk in response.aiter_raw()])
        finally:
            await response.aclose()


async def test_a_body_and_its_headers_arrive() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\nContent-Length: 2\r\n\r\nhi")) as url:
        response, body = await fetch(url)
    assert (response.status_code, response.headers["request-id"], body) == (200, "req_1", b"hi")


async def test_a_compressed_body_is_decompressed() -> None:
    packed = compress(b"hello " * 100)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with serving(answering(head + packed)) as url:
        _, body = await fetch(url)
    assert body == b"hello " * 100


async def test_the_key_is_sent_and_stays_out_of_the_request() -> None:
    seen: list[bytes] = []
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen)) as url:
        response, _ = await fetch(url, **{AUTH: ("x-api-key", "", Secret("sk-canary-7f3a"))})
    assert b"x-api-key: sk-canary-7f3a" in seen[0]
    assert "canary" not in repr(response.request) + repr(dict(response.request.headers)) + repr(
        response.request.extensions
    )


async def test_a_redirect_is_not_followed() -> None:
    raw = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(raw)) as url:
        response, _ = await fetch(url)
    assert response.status_code == 307


async def test_a_refused_connection_is_a_connect_error() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    await listener.aclose()
    with pytest.raises(httpx.ConnectError):
        await fetch(f"http://127.0.0.1:{port}")


async def test_a_name_that_does_not_resolve_is_a_connect_error() -> None:
    with pytest.raises(httpx.ConnectError, match=r"invalid\.invalid does not resolve"):
        await fetch("http://invalid.invalid")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
    ids=["closed", "short body", "cut chunks", "not http", "huge header"],
)
async def test_a_broken_answer_is_a_transport_error(raw: bytes) -> None:
    async with serving(answering(raw)) as url:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await fetch(url)


async def test_a_server_without_tls_is_a_connect_error() -> None:
    async with serving(answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as url:
        with pytest.raises(httpx.ConnectError, match=r"TLS failed|no connection"):
            await fetch(url.replace("http:", "https:"))


async def test_a_server_that_takes_no_connection_is_given_up() -> None:
    """N3: its queue of waiting connections is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        request = httpx.Request("POST", f"http://127.0.0.1:{full.getsockname()[1]}/", content=b"{}")
        async with AiohttpTransport(connect_seconds=0.2) as transport:
            with pytest.raises(httpx.ConnectTimeout), anyio.fail_after(5):
                await transport.handle_async_request(request)
        for one in waiting:
            one.close()


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """N10: the key never leaves."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    await anyio.run_process([*command, "-keyout", str(key), "-out", str(certificate)])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    served: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(httpx.ConnectError, match="TLS failed"):
            await fetch(f"https://127.0.0.1:{port}", **{AUTH: ("x-api-key", "", Secret("sk-canary-7f3a"))})
    assert not any(served)


async def test_a_server_that_stopped_does_not_hold_a_request_beyond_its_deadline() -> None:
    """N8: the connection stands, and nothing comes."""

    async def stopped(stream: anyio.abc.SocketStream) -> None:
        await anyio.sleep(30)

    async with serving(stopped) as url, AiohttpTransport() as transport:
        with anyio.move_on_after(0.2) as scope:
            await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        assert scope.cancelled_caught


async def test_a_transport_that_is_not_open_says_so_and_may_be_closed_twice() -> None:
    transport = AiohttpTransport()
    with pytest.raises(RuntimeError, match="not open"):
        await transport.handle_async_request(httpx.Request("POST", "http://127.0.0.1:1/"))
    await transport.aclose()
    await transport.aclose()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout),
        (aiohttp.ServerTimeoutError(), httpx.ReadTimeout),
        (aiohttp.SocketTimeoutError(), httpx.ReadTimeout),
        (TimeoutError(), httpx.ReadTimeout),
        (aiohttp.ServerDisconnectedError(), httpx.RemoteProtocolError),
        (aiohttp.ClientPayloadError("short"), httpx.RemoteProtocolError),
        (aiohttp.InvalidURL("x"), httpx.RemoteProtocolError),
        (ValueError("odd"), httpx.RemoteProtocolError),
        (aiohttp.ClientOSError(104, "reset"), httpx.ReadError),
        (ConnectionResetError(104, "reset"), httpx.ReadError),
        (ConnectionRefusedError(111, "refused"), httpx.ConnectError),
        (ssl.SSLError("bad certificate"), httpx.ConnectError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_every_error_below_has_its_httpx_error(error: Exception, expected: type[httpx.TransportError]) -> None:
    request = httpx.Request("POST", "http://127.0.0.1:1/")
    assert type(translated(error, request)) is expected


async def test_a_body_that_is_given_up_drops_its_connection() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst"
    async with serving(answering(raw)) as url, AiohttpTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
        async for chunk in response.aiter_raw():
            assert chunk == b"first"
            break
        with anyio.fail_after(2):
            await response.aclose()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def once_then(second: Handler, brought: list[int]) -> Handler:
    """Answers `OK`, but the second request on the first connection meets `second`; `brought` counts by connection."""

    async def handler(stream: anyio.abc.SocketStream) -> None:
        connection = len(brought)
        brought.append(0)
        async for _ in stream:
            brought[connection] += 1
            if connection == 0 and brought[0] == 2:
                await second(stream)
                return
            await stream.send(OK)

    return tolerant(handler)


async def ask_twice(url: str, **settings: float) -> list[bytes]:
    bodies = []
    async with AiohttpTransport(**settings) as transport:
        for _ in range(2):
            response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
            bodies.append(await response.aread())
            await response.aclose()
    return bodies


async def closing(stream: anyio.abc.SocketStream) -> None:
    """The server closes the connection."""


async def test_a_reused_connection_that_dies_unanswered_is_told_apart() -> None:
    """N13: the server closed it while it lay idle."""
    async with serving(once_then(closing, [])) as url:
        with pytest.raises(StaleConnection):
            await ask_twice(url)


async def test_a_request_may_ask_for_a_new_connection() -> None:
    brought: list[int] = []
    async with serving(once_then(closing, brought)) as url, AiohttpTransport() as transport:
        for extensions in ({}, {NEW_CONNECTION: True}):
            request = httpx.Request("POST", url, content=b"{}", extensions=extensions)
            response = await transport.handle_async_request(request)
            assert await response.aread() == b"hi"
            await response.aclose()
    assert brought == [1, 1]


async def test_a_reused_connection_that_dies_amid_the_headers_is_an_error() -> None:
    async def halting(stream: anyio.abc.SocketStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-")

    async with serving(once_then(halting, [])) as url:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await ask_twice(url)
    assert not isinstance(caught.value, StaleConnection)


async def test_a_reused_connection_that_dies_late_is_an_error() -> None:
    """By then the request may have been worked on, and paid."""

    async def pausing(stream: anyio.abc.SocketStream) -> None:
        await anyio.sleep(0.1)

    async with serving(once_then(pausing, [])) as url:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await ask_twice(url, idle_death_seconds=0.05)
    assert not isinstance(caught.value, StaleConnection)


async def test_three_thousand_cancelled_requests_leave_no_connection_behind() -> None:
    """Deadlines cancel requests all the time, before headers and amid bodies; a leaked connection stays for good."""
    open_now = 0

    async def handler(stream: anyio.abc.SocketStream) -> None:
        nonlocal open_now
        open_now += 1
        try:
            async for _ in stream:
                await anyio.sleep(0.002)
                await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
                await anyio.sleep(0.002)
                await stream.send(b"i")
        finally:
            open_now -= 1

    async def churn(transport: AiohttpTransport, url: str) -> int:
        cancelled = tried = 0
        while cancelled < 300:
            tried += 1
            with anyio.move_on_after(0.0005 * (tried % 8)) as scope:
                await _ask(transport, url)
            cancelled += scope.cancelled_caught
        return cancelled

    async with serving(tolerant(handler)) as url, AiohttpTransport() as transport:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(churn, transport, url)
        for _ in range(10):
            with anyio.fail_after(5):
                assert await _ask(transport, url) == b"hi"
        await _until(lambda: open_now <= 10, "ten requests at a time need no more than ten connections")
        await transport.aclose()
        await _until(lambda: open_now == 0, "a connection outlived its transport")


async def _ask(transport: AiohttpTransport, url: str) -> bytes:
    """Send a request and read its answer; give the response back whatever happens, as a caller must."""
    response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
    try:
        return await response.aread()
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()


async def _until(holds: Callable[[], bool], otherwise: str) -> None:
    for _ in range(500):
        if holds():
            return
        await anyio.sleep(0.01)
    raise AssertionError(otherwise)


def tolerant(handler: Handler) -> Handler:
    """A server that takes a client's leaving lightly."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await handler(stream)

    return serve
