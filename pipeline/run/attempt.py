"""One attempt: a request sent, its answer read to the end within the deadline, success or failure as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, cast

import anyio
import httpx

from pipeline.core.clock import Clock
from pipeline.core.records import Failure, Request, Response
from pipeline.core.secrets import Scrubber, Secret
from pipeline.core.settings import ModelSettings, ProviderSettings, RunSettings
from pipeline.providers.formats import wire_format
from pipeline.providers.limit_headers import ToldLimit, told_limits
from pipeline.providers.wire import Decoder
from pipeline.run.transport import AUTH, NEW_CONNECTION, PLAIN_HEADERS, StaleConnection, plain_headers


class Outgoing(NamedTuple):
    """A request as it leaves: what is sent, and what is needed to read the answer."""

    body: bytes
    streams: bool
    cache_ttl: str
    """The lifetime that cache writes were asked for, where the answer does not say."""


class Exchange(NamedTuple):
    """What came of one attempt."""

    outcome: Response | Failure
    http_status: int | None
    started_at: datetime
    latency_ms: float
    first_token_ms: float | None = None
    """From sending to the first content, where the answer was streamed."""
    told: tuple[ToldLimit, ...] = ()
    """What the provider's headers say of its limits."""


@dataclass(slots=True)
class _Progress:
    """How far an attempt has come; kept outside of it, since it may be cut short."""

    status: int | None = None
    told: tuple[ToldLimit, ...] = ()
    first_token_at: float | None = None
    streaming: bool = False


class _Post(httpx.Request):
    """A request that shares its lane's address and headers: building them anew for each costs 12 microseconds."""

    def __init__(self, url: httpx.URL, headers: httpx.Headers, body: bytes, extensions: dict[str, Any]) -> None:
        self.method = "POST"
        self.url = url
        self.headers = headers
        self.extensions = extensions
        self.stream = httpx.ByteStream(body)
        self._content = body


class Caller:
    """One lane's way to its provider: a wire format, an address, a key, a transport."""

    def __init__(
        self,
        provider: ProviderSettings,
        model: ModelSettings,
        *,
        key: Secret | None,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        run: RunSettings,
    ) -> None:
        """Prepare what every request of the lane shares: URL and headers are built once."""
        self._provider = provider
        self._model = model
        self._format = wire_format(provider.protocol)
        self._transport = transport
        self._clock = clock
        self._run = run
        self._url = httpx.URL(provider.base_url + self._format.path())
        self._headers = httpx.Headers(self._format.headers(provider, model.beta))
        self._extensions: dict[str, Any] = {PLAIN_HEADERS: plain_headers(self._headers)}
        if key is not None:
            self._extensions[AUTH] = _auth(self._format.auth_header(provider, ""), key)
        self._scrubber = Scrubber([] if key is None else [key])

    def encode(self, request: Request) -> Outgoing:
        """What is sent for `request`."""
        return Outgoing(
            body=self._format.encode(request, self._model.model, self._provider),
            streams=self._format.streams(request),
            cache_ttl=self._format.cache_ttl(request),
        )

    async def send(self, outgoing: Outgoing, *, new_connection: bool = False) -> Exchange:
        """Send one request and read its answer; never raises for what a network or a provider can do."""
        extensions = {**self._extensions, NEW_CONNECTION: True} if new_connection else self._extensions
        started_at = self._clock.now()
        started = self._clock.monotonic()
        progress = _Progress()
        deadline = anyio.current_time() + self._run.deadline_seconds
        outcome: Response | Failure | None = None
        try:
            with anyio.CancelScope(deadline=deadline) as scope:
                request = _Post(self._url, self._headers, outgoing.body, extensions)
                outcome = await self._exchange(request, outgoing, progress, scope)
        except StaleConnection as error:
            outcome = replace(_broken(str(error), paid=True), stale_connection=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            outcome = _broken(str(error), paid=False)
        except httpx.TransportError as error:
            outcome = _broken(str(error), paid=True)
        if outcome is None:
            outcome = self._too_slow(progress, deadline)
        first = progress.first_token_at
        return Exchange(
            outcome=self._scrubbed(outcome),
            http_status=progress.status,
            started_at=started_at,
            latency_ms=(self._clock.monotonic() - started) * 1000,
            first_token_ms=None if first is None else (first - started) * 1000,
            told=progress.told,
        )

    async def _exchange(
        self, request: httpx.Request, outgoing: Outgoing, progress: _Progress, scope: anyio.CancelScope
    ) -> Response | Failure:
        response = await self._transport.handle_async_request(request)
        progress.status = response.status_code
        progress.told = told_limits(response.headers.raw)
        try:
            decoder = self._format.decoder(response.status_code, response.headers, cache_ttl=outgoing.cache_ttl)
            body = cast(httpx.AsyncByteStream, response.stream)
            try:
                await self._read(body, decoder, progress, scope if outgoing.streams else None)
            except httpx.TransportError:
                # A stream may be complete in all but its connection's end; a decoder calls no cut one complete.
                complete = _finished(decoder)
                if isinstance(complete, Response):
                    return complete
                raise
            return _finished(decoder)
        finally:
            await response.aclose()

    async def _read(
        self, body: httpx.AsyncByteStream, decoder: Decoder, progress: _Progress, scope: anyio.CancelScope | None
    ) -> None:
        """Feed the body to the decoder. Between the parts of a stream, silence has a limit of its own."""
        last = math.inf if scope is None else scope.deadline
        async for chunk in body:
            decoder.feed(chunk)
            if decoder.done:
                return
            if scope is None:
                continue
            progress.streaming = True
            scope.deadline = min(last, anyio.current_time() + self._run.idle_seconds)
            if progress.first_token_at is None and decoder.has_token:
                progress.first_token_at = self._clock.monotonic()

    def _too_slow(self, progress: _Progress, deadline: float) -> Failure:
        if progress.streaming and anyio.current_time() < deadline:
            return _broken(f"the stream went silent for {self._run.idle_seconds:g} s", paid=True)
        return _broken(f"no complete answer within the deadline of {self._run.deadline_seconds:g} s", paid=True)

    def _scrubbed(self, outcome: Response | Failure) -> Response | Failure:
        if isinstance(outcome, Response):
            return outcome
        return replace(outcome, message=self._scrubber.scrub(outcome.message)[:2000])


def _finished(decoder: Decoder) -> Response | Failure:
    """What the decoder says; a defect of ours in reading one answer fails that answer and never the run."""
    try:
        return decoder.finish()
    except Exception as error:
        message = f"the answer could not be read: {type(error).__name__}: {error}"
        return Failure(kind="output", message=message, possibly_paid=True)


def _auth(header: tuple[str, str], key: Secret) -> tuple[str, str, Secret]:
    """Name and prefix as the wire format says them for an empty key; the key itself joins at send time."""
    name, prefix = header
    return name, prefix, key


def _broken(message: str, *, paid: bool) -> Failure:
    return Failure(kind="transport", message=message, transient=True, possibly_paid=paid)
