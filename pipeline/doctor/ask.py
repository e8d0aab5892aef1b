"""Sends one question over the one transport and reads its reply as bytes, within a deadline."""

from __future__ import annotations

import math
from typing import cast

import anyio
import httpx

from pipeline.core.secrets import Secret
from pipeline.core.settings import ProviderSettings
from pipeline.doctor.records import Question, Reply
from pipeline.providers.body import BodyBuffer
from pipeline.providers.formats import wire_format
from pipeline.run.transport import AUTH

DEADLINE_SECONDS = 60.0
MAX_BYTES = 1024 * 1024
LINGER_SECONDS = 1.0
"""How long what may follow an answer's end is waited for: `[DONE]`, or the end of the connection."""
CLOSE_SECONDS = 2.0


class Asker:
    """The way to one provider; counts the requests that left."""

    def __init__(
        self,
        provider: ProviderSettings,
        key: Secret | None,
        transport: httpx.AsyncBaseTransport,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Ask `provider` with `key`."""
        self.calls = 0
        self._provider = provider
        self._key = key
        self._transport = transport
        self._deadline_seconds = deadline_seconds

    async def ask(self, question: Question) -> Reply:
        """Send `question`; never raises for what a network or a provider can do."""
        self.calls += 1
        so_far = _SoFar()
        try:
            with anyio.fail_after(self._deadline_seconds):
                await self._exchange(question, so_far)
        except TimeoutError:
            return so_far.reply(broken=f"no complete answer within {self._deadline_seconds:g} s")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return so_far.reply(broken=str(error), unreachable=True)
        except httpx.TransportError as error:
            return so_far.reply(broken=str(error))
        overflow = f"the body is larger than {MAX_BYTES // 2**20} MiB" if so_far.body.overflowed else None
        return so_far.reply(broken=overflow)

    async def _exchange(self, question: Question, so_far: _SoFar) -> None:
        extensions = {} if self._key is None else {AUTH: (*question.key_header, self._key)}
        request = httpx.Request(
            "POST",
            httpx.URL(self._provider.base_url + question.path),
            headers=question.headers,
            content=question.body,
            extensions=extensions,
        )
        response = await self._transport.handle_async_request(request)
        try:
            so_far.status = response.status_code
            so_far.headers = {name.lower(): value for name, value in response.headers.items()}
            await self._read(response, so_far)
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await response.aclose()

    async def _read(self, response: httpx.Response, so_far: _SoFar) -> None:
        # The decoder knows when a stream is over; a gateway may hold the connection open after that.
        decoder = wire_format(self._provider.protocol).decoder(response.status_code, so_far.headers)
        with anyio.CancelScope() as scope:
            async for chunk in cast(httpx.AsyncByteStream, response.stream):
                so_far.body.feed(chunk)
                if so_far.body.overflowed:
                    break
                if not decoder.done:
                    decoder.feed(chunk)
                    scope.deadline = anyio.current_time() + LINGER_SECONDS if decoder.done else math.inf
        so_far.held_open = scope.cancelled_caught


class _SoFar:
    """What has arrived of one reply; kept when the rest does not come."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = BodyBuffer(MAX_BYTES)
        self.held_open = False

    def reply(self, *, broken: str | None, unreachable: bool = False) -> Reply:
        body = self.body.take()
        return Reply(
            status=self.status,
            headers=self.headers,
            body=body,
            broken=broken,
            unreachable=unreachable,
            held_open=self.held_open,
        )
