"""Decodes a whole JSON body: status, size, JSON, envelope, then the format's own reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Failure, Response, Usage
from pipeline.providers.body import MAX_BODY_BYTES, BodyBuffer, UnreadableBody, parse_json
from pipeline.providers.envelope import Answer, DisguisedError, IsAnswer, unwrap
from pipeline.providers.errors import classify, classify_value, too_large, unreadable
from pipeline.providers.headers import request_id

_EXCERPT_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Shape:
    """What a format's answers look like."""

    is_answer: IsAnswer
    read: Callable[[Answer, str | None], Response | DisguisedError | None]
    """Reads an answer object with its request id; None when it lacks what makes it an answer."""
    read_usage: Callable[[Any, Mapping[str, Any]], Usage]


class WholeBodyDecoder:
    """Reads one response that arrives as a single JSON document."""

    __slots__ = ("_buffer", "_headers", "_shape", "_status")

    def __init__(self, status: int, headers: Mapping[str, str], shape: Shape) -> None:
        """Expect the body that belongs to `status` and `headers`."""
        self._status = status
        self._headers = headers
        self._shape = shape
        self._buffer = BodyBuffer()

    @property
    def done(self) -> bool:
        """The body is larger than we take."""
        return self._buffer.overflowed

    @property
    def has_token(self) -> bool:
        """Never: a whole body has no first token."""
        return False

    def feed(self, chunk: bytes) -> None:
        """Keep the next bytes."""
        self._buffer.feed(chunk)

    def finish(self) -> Response | Failure:
        """Read the body as an answer or a classified failure; never raises on what a server sends."""
        status, headers = self._status, self._headers
        if not 200 <= status <= 299:
            return classify(status, headers, self._buffer.take())
        if self._buffer.overflowed:
            return too_large(status, headers, f"the body is larger than {MAX_BODY_BYTES // 2**20} MiB")
        body = self._buffer.take()
        if not body.strip():
            return unreadable(status, headers, "the body is empty")
        try:
            value = parse_json(body)
        except UnreadableBody as error:
            if "nested" in str(error):
                return too_large(status, headers, str(error))
            return unreadable(status, headers, str(error), body[:_EXCERPT_BYTES])
        return self._answer(value, body)

    def _answer(self, value: Any, body: bytes) -> Response | Failure:
        status, headers = self._status, self._headers
        found = unwrap(value, self._shape.is_answer)
        outcome = self._shape.read(found, request_id(headers)) if isinstance(found, Answer) else found
        if isinstance(outcome, Response):
            return outcome
        if isinstance(outcome, DisguisedError):
            return classify_value(status, headers, outcome.body, usage=self._usage_of(outcome.body))
        reason = "the answer has no content" if outcome is None else outcome.reason
        return unreadable(status, headers, reason, body[:_EXCERPT_BYTES])

    def _usage_of(self, value: Any) -> Usage | None:
        usage = value.get("usage") if isinstance(value, Mapping) else None
        return self._shape.read_usage(usage, {}) if isinstance(usage, Mapping) else None
