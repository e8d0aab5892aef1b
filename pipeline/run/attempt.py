"""One attempt: a request sent, its answer read to the end within the deadline, success or failure as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import anyio
import httpx

from pipeline.core.clock import Clock
from pipeline.core.records import Failure, Request, Response
from pipeline.core.secrets import Scrubber, Secret
from pipeline.core.settings import ModelSettings, ProviderSettings
from pipeline.providers.formats import wire_format
from pipeline.run.transport import AUTH

CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What came of one attempt."""

    outcome: Response | Failure
    http_status: int | None
    started_at: datetime
    latency_ms: float


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
        deadline_seconds: float,
    ) -> None:
        """Prepare what every request of the lane shares: URL and headers are built once."""
        self._provider = provider
        self._model = model
        self._format = wire_format(provider.protocol)
        self._transport = transport
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._url = httpx.URL(provider.base_url + self._format.path())
        self._headers = httpx.Headers(self._format.headers(provider, model.beta))
        self._extensions = {} if key is None else {AUTH: _auth(self._format.auth_header(provider, ""), key)}
        self._scrubber = Scrubber([] if key is None else [key])

    def encode(self, request: Request) -> bytes:
        """The body that is sent for `request`."""
        return self._format.encode(request, self._model.model, self._provider)

    async def send(self, body: bytes) -> Exchange:
        """Send one request and read its answer; never raises for what a network or a provider can do."""
        started_at = self._clock.now()
        started = self._clock.monotonic()
        status: list[int] = []
        try:
            with anyio.fail_after(self._deadline_seconds):
                outcome = await self._exchange(body, status)
        except TimeoutError:
            outcome = _broken(f"no complete answer within the deadline of {self._deadline_seconds:g} s", paid=True)
        except httpx.ConnectError as error:
            outcome = _broken(str(error), paid=False)
        except httpx.ConnectTimeout as error:
            outcome = _broken(str(error), paid=False)
        except httpx.TransportError as error:
            outcome = _broken(str(error), paid=True)
        return Exchange(
            outcome=self._scrubbed(outcome),
            http_status=status[0] if status else None,
            started_at=started_at,
            latency_ms=(self._clock.monotonic() - started) * 1000,
        )

    async def _exchange(self, body: bytes, status: list[int]) -> Response | Failure:
        request = httpx.Request(
            "POST", self._url, headers=self._headers, content=body, extensions=dict(self._extensions)
        )
        response = await self._transport.handle_async_request(request)
        status.append(response.status_code)
        try:
            decoder = self._format.decoder(response.status_code, response.headers)
            async for chunk in cast(httpx.AsyncByteStream, response.stream):
                decoder.feed(chunk)
                if decoder.done:
                    break
            return decoder.finish()
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()

    def _scrubbed(self, outcome: Response | Failure) -> Response | Failure:
        if isinstance(outcome, Response):
            return outcome
        return replace(outcome, message=self._scrubber.scrub(outcome.message)[:2000])


def _auth(header: tuple[str, str], key: Secret) -> tuple[str, str, Secret]:
    """Name and prefix as the wire format says them for an empty key; the key itself joins at send time."""
    name, prefix = header
    return name, prefix, key


def _broken(message: str, *, paid: bool) -> Failure:
    return Failure(kind="transport", message=message, transient=True, possibly_paid=paid)
