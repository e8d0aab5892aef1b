"""The seam between the pipeline and a provider's protocol: a format encodes requests and decodes bodies."""

from __future__ import annotations

from collections.abc import Mapping
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

    def decoder(self, status: int, headers: Mapping[str, str]) -> Decoder:
        """Start reading the response that came with this status line and these headers."""
        ...
