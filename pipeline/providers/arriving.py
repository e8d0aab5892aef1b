"""Tells a stream from a whole body by its first bytes, since gateways name either as the other (protocol section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.core.records import Failure, Response
from pipeline.providers.decoder import Shape, WholeBodyDecoder
from pipeline.providers.headers import fold
from pipeline.providers.stream_decoder import Assembly, ErrorEventDecoder, StreamDecoder
from pipeline.providers.wire import Decoder

_EVENT_STREAM = "text/event-stream"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_DOCUMENT_STARTS = (b"{", b"[", b"<")
_ENOUGH = max(map(len, _FIELDS))
_MOST_BLANK = 4096
_BLANK = b"\xef\xbb\xbf \t\r\n"


class ArrivingDecoder:
    """Reads one response of either kind; the content type decides only what the first bytes leave open."""

    __slots__ = ("_assembly", "_chosen", "_head", "_headers", "_shape", "_status")

    def __init__(self, status: int, headers: Mapping[str, str], shape: Shape, assembly: Callable[[], Assembly]) -> None:
        """Expect the body that belongs to `status` and `headers`."""
        self._status = status
        self._headers = headers
        self._shape = shape
        self._assembly = assembly
        self._head = b""
        self._chosen: Decoder | None = None

    @property
    def done(self) -> bool:
        """Nothing that may still arrive can change the outcome."""
        return self._chosen is not None and self._chosen.done

    @property
    def has_token(self) -> bool:
        """The first content of a stream has arrived."""
        return self._chosen is not None and self._chosen.has_token

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._chosen is not None:
            self._chosen.feed(chunk)
            return
        self._head += chunk
        start = self._head.lstrip(_BLANK)[:_ENOUGH]
        decided = len(start) == _ENOUGH or start.startswith((*_FIELDS, *_DOCUMENT_STARTS))
        if decided or len(self._head) > _MOST_BLANK:
            self._choose(start)

    def finish(self) -> Response | Failure:
        """Say what the body was."""
        if self._chosen is None:
            return self._choose(self._head.lstrip(_BLANK)).finish()
        return self._chosen.finish()

    def _choose(self, start: bytes) -> Decoder:
        head, self._head = self._head, b""
        self._chosen = self._decoder(start)
        self._chosen.feed(head)
        return self._chosen

    def _decoder(self, start: bytes) -> Decoder:
        streamed = start.startswith(_FIELDS)
        if not 200 <= self._status <= 299:
            if streamed:
                return ErrorEventDecoder(self._status, self._headers)
            return WholeBodyDecoder(self._status, self._headers, self._shape)
        if not streamed and not start.startswith(_DOCUMENT_STARTS):
            streamed = _EVENT_STREAM in fold(self._headers).get("content-type", "").lower()
        if streamed:
            return StreamDecoder(self._status, self._headers, self._assembly())
        return WholeBodyDecoder(self._status, self._headers, self._shape)
