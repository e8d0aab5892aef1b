"""The seam between the pipeline and a provider's protocol: a format encodes requests and decodes bodies."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from pipeline.core.records import Failure, Request, Response
from pipeline.core.settings import ProviderSettings


class Decoder(Protocol):
    """Reads one response body as it arrives."""

    @property
    def done(self) -> bool:
        """Nothing that may still arrive can change the outcome: stop reading and call `finish`."""
        ...

    @property
    def has_token(self) -> bool:
        """The first content of a streamed answer has arrived; always False for a whole body."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body, content encoding already undone."""
        ...

    def finish(self) -> Response | Failure:
        """Say what the body was, once it has ended."""
        ...


STREAM_ABOVE_TOKENS = 16_000
"""A silent connection is cut by proxies after about 100 seconds: longer answers are streamed (protocol 1.2)."""


def wants_stream(request: Request) -> bool:
    """Decide for every protocol alike: what `params["stream"]` says, else whether the answer may be long."""
    asked = request.params.get("stream")
    if asked is not None:
        return bool(asked)
    max_tokens = request.params.get("max_tokens")
    return isinstance(max_tokens, int | Decimal) and max_tokens > STREAM_ABOVE_TOKENS


class WireFormat(Protocol):
    """One protocol, without network, clock or environment."""

    @property
    def name(self) -> str:
        """How settings call the protocol."""
        ...

    def path(self) -> str:
        """What is appended to the provider's base_url."""
        ...

    def headers(self, provider: ProviderSettings, beta: tuple[str, ...]) -> dict[str, str]:
        """Every header but the key, with lower-case names; constant for a lane."""
        ...

    def auth_header(self, provider: ProviderSettings, key: str) -> tuple[str, str]:
        """Name and value of the header that carries the key; for the transport, at send time."""
        ...

    def streams(self, request: Request) -> bool:
        """Whether the answer to `request` is asked for as a stream."""
        ...

    def encode(self, request: Request, model_id: str, provider: ProviderSettings) -> bytes:
        """Serialise the request body."""
        ...

    def cache_ttl(self, request: Request) -> str:
        """Return the lifetime, `5m` or `1h`, that cache writes are booked as where an answer does not say."""
        ...

    def decoder(self, status: int, headers: Mapping[str, str], *, cache_ttl: str = "5m") -> Decoder:
        """Start reading the response that came with this status line and these headers, streamed or whole."""
        ...
