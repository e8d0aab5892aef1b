"""The one way out: httpx's transport interface over aiohttp connections.

A stock httpx pool is quadratic in its connections and leaks slots when requests are cancelled; aiohttp's is neither.
The key is attached here, at send time, so that no Request in memory or in an exception carries it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp
import httpx

from pipeline.core.secrets import Secret

CONNECT_SECONDS = 10.0
MAX_HEADER_BYTES = 64 * 1024
AUTH = "evalmill.auth"
"""Request extension: `(header name, prefix, Secret)`, made a header at send time."""

Auth = tuple[str, str, Secret]


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends prepared httpx requests; never follows a redirect, keeps no cookie, reads no proxy from the environment.

    Raises httpx exceptions only: ConnectError, ConnectTimeout, RemoteProtocolError, ReadError, WriteError.
    """

    def __init__(self) -> None:
        """Connections are bounded by the caller's requests in flight, not by a pool."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            trust_env=False,
        )
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
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, whose body is in memory, and return with the headers; the body is read from the stream."""
        if self._session is None:
            raise RuntimeError("the transport is not open")
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=_headers(request),
                data=request.content,
                allow_redirects=False,
                skip_auto_headers=("User-Agent",),
            )
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise translated(error, request) from None
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response, request),
            request=request,
        )


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


def _headers(request: httpx.Request) -> list[tuple[str, str]]:
    # The raw pairs: decoding through httpx.Headers costs several times as much.
    headers = [
        (name.decode("ascii"), value.decode("latin-1"))
        for name, value in request.headers.raw
        if name.lower() not in (b"host", b"content-length")
    ]
    headers.append(("accept-encoding", "gzip, identity"))
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
        return httpx.ConnectTimeout(f"no connection within {CONNECT_SECONDS:.0f} s", request=request)
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
