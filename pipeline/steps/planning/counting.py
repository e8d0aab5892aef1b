"""Counts: some requests of each model held against the provider's own count_tokens, which costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import numpy as np
import orjson

from pipeline.core.records import Request
from pipeline.core.secrets import Scrubber, Secret
from pipeline.core.settings import ProviderSettings
from pipeline.plan.expand import Lane
from pipeline.providers.formats import wire_format
from pipeline.run.transport import AUTH, AiohttpTransport
from pipeline.steps.access import find_keys
from pipeline.steps.planning.look import Look
from pipeline.steps.planning.usage import Pairs
from pipeline.steps.prepare import Prepared
from pipeline.steps.simulation import simulator_options

_TAKEN = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")
"""The fields of a message that count_tokens takes (protocol section 7)."""
_SECONDS = 30.0
_MOST_BYTES = 300


async def count(
    prepared: Prepared, found: Look, environment: Mapping[str, str]
) -> tuple[dict[str, Pairs], list[str], int]:
    """Ask each model's provider about the requests that `found` kept; gives the counts, notes, and how many were sent.

    Raises SettingsError where a key is missing. A model whose provider cannot count, or does not answer, is named.
    """
    keys = find_keys(prepared.settings, environment)
    counted: dict[str, Pairs] = {}
    notes: list[str] = []
    sent = 0
    async with AiohttpTransport() as transport, _simulator(prepared) as address:
        for lane in prepared.plan.lanes:
            samples = found.samples.get(lane.model.name, ())
            if lane.model.recorded is not None or not samples:
                continue
            if lane.provider.protocol != "anthropic-messages":
                notes.append(f"{lane.model.name}: {lane.provider.name} has no count_tokens; its input is estimated")
                continue
            if lane.provider.name in keys.missing:
                raise keys.missing[lane.provider.name]
            base_url = lane.provider.base_url or address
            counter = _Counter(lane, base_url, keys.found.get(lane.provider.name), transport)
            pairs, problem = await counter.pairs(samples)
            sent += counter.sent
            if pairs is not None:
                counted[lane.model.name] = pairs
            if problem is not None:
                notes.append(
                    f"{lane.model.name}: count_tokens of {lane.provider.name}: {problem}; its input is estimated"
                )
    return counted, notes, sent


class _Counter:
    """One lane's way to its provider's count_tokens."""

    def __init__(self, lane: Lane, base_url: str, key: Secret | None, transport: httpx.AsyncBaseTransport) -> None:
        self.sent = 0
        self._lane = lane
        self._transport = transport
        self._format = wire_format(lane.provider.protocol)
        self._url = httpx.URL(f"{base_url}{self._format.path()}/count_tokens")
        self._headers = self._format.headers(lane.provider, lane.model.beta)
        self._extensions: dict[str, Any] = {}
        self._scrubber = Scrubber([] if key is None else [key])
        if key is not None:
            self._extensions[AUTH] = (*self._format.auth_header(lane.provider, ""), key)

    async def pairs(self, samples: Sequence[tuple[Request, int]]) -> tuple[Pairs | None, str | None]:
        """The counts beside the estimates, or what keeps them from being had; stops at the first problem."""
        true: list[float] = []
        for request, _ in samples:
            found = await self._count(request)
            if isinstance(found, str):
                return None, self._scrubber.scrub(found)
            true.append(float(found))
        words = f"count_tokens of {len(true):,} requests"
        return Pairs(np.asarray(true), np.asarray([float(tokens) for _, tokens in samples]), words), None

    async def _count(self, request: Request) -> int | str:
        self.sent += 1
        post = httpx.Request(
            "POST", self._url, headers=self._headers, content=self._body(request), extensions=dict(self._extensions)
        )
        try:
            with anyio.fail_after(_SECONDS):
                response = await self._transport.handle_async_request(post)
                body = await response.aread()
                await response.aclose()
        except TimeoutError:
            return f"no answer within {_SECONDS:.0f} s"
        except httpx.TransportError as error:
            return str(error)
        return _tokens(response.status_code, body)

    def _body(self, request: Request) -> bytes:
        whole = orjson.loads(self._format.encode(request, self._lane.model.model, self._lane.provider))
        return orjson.dumps({name: value for name, value in whole.items() if name in _TAKEN})


def _tokens(status: int, body: bytes) -> int | str:
    try:
        value = orjson.loads(body)
        inner = value.get("data", value)
        tokens = inner["input_tokens"]
    except (ValueError, AttributeError, LookupError, TypeError):
        tokens = None
    if status == httpx.codes.OK and isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0:
        return tokens
    return f"answered {status}: {body[:_MOST_BYTES].decode('utf-8', 'replace')}"


@asynccontextmanager
async def _simulator(prepared: Prepared) -> AsyncIterator[str]:
    """The address of the built-in simulator, which runs while a model of it has none."""
    provider: ProviderSettings | None = prepared.settings.providers.get("simulator")
    if provider is None or provider.base_url:
        yield ""
        return
    from pipeline.simulator.server import Simulator

    async with Simulator(simulator_options(prepared.settings.simulator)) as simulator:
        yield simulator.base_url
