"""The one way out: httpx's transport interface over aiohttp connections.

A stock httpx pool is quadratic in its connections and leaks slots when requests are cancelled; aiohttp's is neither.
The key is attached here, at send time, so that no Request in memory or in an exception carries it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from time import monotonic
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import aiohttp
import httpx

from pipeline.core.secrets import Secret

CONNECT_SECONDS = 10.0
MAX_HEADER_BYTES = 64 * 1024
AUTH = "evalmill.auth"
"""Request extension: `(header name, prefix, Secret)`, made a header at send time."""

PLAIN_HEADERS = "evalmill.headers"
"""Request extension: `plain_headers` of the request, made once for all requests of a lane."""

Auth = tuple[str, str, Secret]

IDLE_DEATH_SECONDS = 1.0
"""A reused connection that dies unanswered this soon was most likely closed while it lay idle."""
NEW_CONNECTION = "evalmill.new-connection"
"""Request extension: do not send over a connection that has served before."""

_reused: ContextVar[bool] = ContextVar("reused", default=False)
"""Whether the request that this task sent last went over a connection that had served another before."""


class StaleConnection(httpx.RemoteProtocolError):
    """A connection that had served before broke as soon as it was used again (reliability N13).

    Nearly always the server had closed it before the request came; that it was read and paid cannot be ruled out.
    """


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends prepared httpx requests; never follows a redirect, keeps no cookie, reads no proxy from the environment.

    Raises httpx exceptions only: ConnectError, ConnectTimeout, RemoteProtocolError, ReadError, WriteError.
    """

    def __init__(
        self, *, connect_seconds: float = CONNECT_SECONDS, idle_death_seconds: float = IDLE_DEATH_SECONDS
    ) -> None:
        """Connections are bounded by the caller's requests in flight, not by a pool."""
        self._connect_seconds = connect_seconds
        self._idle_death_seconds = idle_death_seconds
        self._session: aiohttp.ClientSession | None = None
        self._unpooled: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        seconds = self._connect_seconds
        self._session = _session(_Connector(limit=0, ttl_dns_cache=300), seconds)
        self._unpooled = _session(aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, force_close=True), seconds)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        for session in (self._session, self._unpooled):
            if session is not None:
                await session.close()
        self._session = self._unpooled = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, whose body is in memory, and return with the headers; the body is read from the stream."""
        if self._session is None or self._unpooled is None:
            raise RuntimeError("the transport is not open")
        sent_at = monotonic()
        _reused.set(False)
        session = self._unpooled if NEW_CONNECTION in request.extensions else self._session
        try:
            response = await _send(session, request)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            if _died_unanswered(error) and monotonic() - sent_at < self._idle_death_seconds:
                raise StaleConnection("the server had closed the connection", request=request) from None
            raise translated(error, request) from None
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response, request),
            request=request,
        )


class _Connector(aiohttp.TCPConnector):
    """Says of each request whether its connection had served another before."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._known: WeakSet[object] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        _reused.set(connection.protocol in self._known)
        if connection.protocol is not None:
            self._known.add(connection.protocol)
        return connection


def _session(connector: aiohttp.BaseConnector, connect_seconds: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        trust_env=False,
    )


async def _send(session: aiohttp.ClientSession, request: httpx.Request) -> aiohttp.ClientResponse:
    return await session.request(
        request.method,
        str(request.url),
        headers=_headers(request),
        data=request.content,
        allow_redirects=False,
        skip_auto_headers=("User-Agent",),
    )


def _died_unanswered(error: Exception) -> bool:
    """A reused connection broke, and not a byte of an answer had come."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return _reused.get() and isinstance(error.message, str)
    return _reused.get() and isinstance(error, aiohttp.ClientOSError)


class _Body(httpx.AsyncByteStream):
    """The body of one response as it arrives, decompressed."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise translated(error, self._request) from None

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else drop it."""
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()


def plain_headers(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    """What is sent for `headers`, without what belongs to one request alone."""
    pairs = [
        (name.decode("ascii"), value.decode("latin-1"))
        for name, value in headers.raw
        if name.lower() not in (b"host", b"content-length")
    ]
    return (*pairs, ("accept-encoding", "gzip, identity"))


def _headers(request: httpx.Request) -> list[tuple[str, str]]:
    headers = [*(request.extensions.get(PLAIN_HEADERS) or plain_headers(request.headers))]
    auth: Auth | None = request.extensions.get(AUTH)
    if auth is not None:
        name, prefix, secret = auth
        headers.append((name, prefix + secret.reveal()))
    return headers


def translated(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """An aiohttp or system error as the httpx exception that says what happened."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return httpx.ConnectError(f"the name {request.url.host} does not resolve", request=request)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return httpx.ConnectError(f"TLS failed: {error}", request=request)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(f"no connection: {error}", request=request)
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return httpx.ConnectError(f"no connection: {error}", request=request)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return httpx.RemoteProtocolError("the server closed the connection without an answer", request=request)
    if isinstance(error, aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError(f"the body ended early: {error}", request=request)
    if isinstance(error, aiohttp.ClientResponseError | ValueError):
        return httpx.RemoteProtocolError(f"not HTTP as it should be: {type(error).__name__}", request=request)
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout("the server went silent", request=request)
    return httpx.ReadError(f"the connection broke: {error}", request=request)
