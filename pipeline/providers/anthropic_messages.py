"""The Anthropic Messages protocol: POST /v1/messages (protocol sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from pipeline.core.records import Block, Request
from pipeline.core.settings import ProviderSettings
from pipeline.providers.arriving import ArrivingDecoder
from pipeline.providers.body import dump_json
from pipeline.providers.breakpoints import breakpoints
from pipeline.providers.decoder import Shape
from pipeline.providers.messages_response import is_message, read_message
from pipeline.providers.stream_messages import MessagesAssembly
from pipeline.providers.usage import messages_usage
from pipeline.providers.wire import Decoder, wants_stream

VERSION = "2023-06-01"

_TEXT_BLOCK_KEYS = {"type", "text"}


class AnthropicMessages:
    """Parameters go out as they are; answers come back bare or wrapped."""

    name = "anthropic-messages"

    def path(self) -> str:
        """What is appended to the base_url, which has no /v1."""
        return "/v1/messages"

    def headers(self, provider: ProviderSettings, beta: tuple[str, ...]) -> dict[str, str]:
        """Version, beta names and the provider's own headers, which win."""
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "anthropic-version": VERSION,
        }
        headers.update((name.lower(), value) for name, value in provider.headers.items())
        names = [headers["anthropic-beta"]] if "anthropic-beta" in headers else []
        if joined := ",".join([*names, *beta]):
            headers["anthropic-beta"] = joined
        return headers

    def auth_header(self, provider: ProviderSettings, key: str) -> tuple[str, str]:
        """`x-api-key`, or a bearer token where the provider wants one."""
        return ("authorization", f"Bearer {key}") if provider.auth == "bearer" else ("x-api-key", key)

    def streams(self, request: Request) -> bool:
        """Whether the answer to `request` is asked for as a stream."""
        return wants_stream(request)

    def cache_ttl(self, request: Request) -> str:
        """Return the longest lifetime among the cache breakpoints of `request`: what a write costs at most."""
        return "1h" if any(mark.get("ttl") == "1h" for mark in breakpoints(request)) else "5m"

    def encode(self, request: Request, model_id: str, provider: ProviderSettings) -> bytes:
        """Serialise; `stream` is said where the request says it or the answer may be long."""
        body: dict[str, Any] = {"model": model_id, **request.params}
        if wants_stream(request):
            body["stream"] = True
        elif body.get("stream", False) is None:
            del body["stream"]
        system = request.system
        if system is not None:
            # OfoxAI documents a string only; the array form is needed there for cache breakpoints.
            body["system"] = _joined(system) if provider.name == "ofox" else system
        body["messages"] = request.messages
        body["model"] = model_id
        return dump_json(body)

    def decoder(self, status: int, headers: Mapping[str, str], *, cache_ttl: str = "5m") -> Decoder:
        """Read a stream of events or a whole body, whichever comes."""
        return ArrivingDecoder(status, headers, _shape(cache_ttl), partial(MessagesAssembly, cache_ttl))


def _joined(system: str | tuple[Block, ...]) -> str | tuple[Block, ...]:
    if isinstance(system, str) or any(block.keys() != _TEXT_BLOCK_KEYS for block in system):
        return system
    return "\n\n".join(block["text"] for block in system)


@cache
def _shape(cache_ttl: str) -> Shape:
    read_usage = partial(messages_usage, cache_ttl=cache_ttl)
    return Shape(is_message, partial(read_message, read_usage=read_usage), read_usage)
