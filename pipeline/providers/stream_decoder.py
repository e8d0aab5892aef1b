"""Decodes an event stream: frames, wrappers, errors, caps and early ends; what the events mean is the format's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from pipeline.core.records import Failure, Response, Usage
from pipeline.providers.body import BodyBuffer, UnreadableBody, parse_json, without_surrogates
from pipeline.providers.envelope import Answer, DisguisedError, unwrap_frame
from pipeline.providers.errors import classify, classify_value, too_large, unreadable
from pipeline.providers.headers import request_id
from pipeline.providers.sse import Event, EventParser

_END_MARK = b"[DONE]"
_EXCERPT_BYTES = 200


class Assembly(Protocol):
    """Puts the events of one answer together."""

    @property
    def done(self) -> bool:
        """The answer is complete; events that follow cannot change it."""
        ...

    @property
    def has_token(self) -> bool:
        """Some of the answer's content has been seen."""
        ...

    @property
    def characters(self) -> int:
        """Length of the text so far."""
        ...

    def matters(self, name: str | None) -> bool:
        """Whether an event of this name can carry a part of the answer."""
        ...

    def take(self, name: str | None, event: Answer) -> DisguisedError | None:
        """Add one event; an error that it holds is handed back."""
        ...

    def answer(self, request_id: str | None, *, at_end_mark: bool) -> Response | None:
        """Read the whole answer; None while it is incomplete."""
        ...

    def usage(self) -> Usage | None:
        """What has been reported so far; None for nothing."""
        ...


class StreamDecoder:
    """Reads one answer that arrives as an event stream with HTTP 2xx."""

    __slots__ = ("_assembly", "_ending", "_failure", "_headers", "_marked", "_parser", "_status")

    def __init__(self, status: int, headers: Mapping[str, str], assembly: Assembly) -> None:
        """Expect the events that belong to `status` and `headers`."""
        self._status = status
        self._headers = headers
        self._assembly = assembly
        self._parser = EventParser()
        self._marked = False
        self._ending = False
        self._failure: Failure | None = None

    @property
    def done(self) -> bool:
        """The answer is complete, or has failed; the end of the connection need not be waited for."""
        return self._marked or self._assembly.done or self._failure is not None or self._parser.overflow is not None

    @property
    def has_token(self) -> bool:
        """The first content has arrived."""
        return self._assembly.has_token

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; those after the answer's end are not looked at."""
        if not self.done:
            self._take(self._parser.feed(chunk))

    def finish(self) -> Response | Failure:
        """Say what the stream was; one that ended early is never an answer."""
        if not self.done:
            self._ending = True
            self._take(self._parser.finish())
        if self._failure is not None:
            return self._failure
        if self._parser.overflow is not None:
            failure = too_large(self._status, self._headers, self._parser.overflow)
            return replace(failure, usage=self._assembly.usage())
        if self._parser.cut and not self.done:
            return self._ended_early()
        found = self._assembly.answer(request_id(self._headers), at_end_mark=self._marked)
        return self._ended_early() if found is None else found

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._frame(event)
            if self.done:
                return

    def _frame(self, event: Event) -> None:
        name, data = event
        if data.strip() == _END_MARK:
            self._marked = True
            return
        try:
            value = parse_json(data, keep_surrogates=True)
        except UnreadableBody as problem:
            self._unparsable(name, data, str(problem))
            return
        if not isinstance(value, dict):
            return
        found = unwrap_frame(value)
        error = self._assembly.take(name, found) if isinstance(found, Answer) else found
        if error is not None:
            body = without_surrogates(error.body)
            self._failure = self._billed(classify_value(self._status, self._headers, body, usage=self._bill()))

    def _unparsable(self, name: str | None, data: bytes, problem: str) -> None:
        if name == "error":
            failure = classify(self._status, self._headers, data)
            self._failure = self._billed(replace(failure, usage=self._bill()))
        elif "nested" in problem:
            failure = too_large(self._status, self._headers, problem)
            self._failure = replace(failure, usage=self._assembly.usage())
        elif self._ending and _END_MARK.startswith(data.strip()):
            return
        elif self._ending or self._assembly.matters(name):
            # Left out, the answer would have a hole.
            self._failure = self._ended_early(data[:_EXCERPT_BYTES])

    def _bill(self) -> Usage | None:
        return self._assembly.usage() if self._assembly.has_token else None

    def _billed(self, failure: Failure) -> Failure:
        return replace(failure, possibly_paid=self._assembly.has_token)

    def _ended_early(self, excerpt: bytes = b"") -> Failure:
        reason = f"the stream ended early after {self._assembly.characters:,} characters"
        if excerpt:
            reason += ", in a frame that is not JSON"
        failure = unreadable(self._status, self._headers, reason, excerpt)
        return replace(failure, usage=self._assembly.usage())


class ErrorEventDecoder:
    """Reads an event stream that came with an error status: its first event is the error."""

    __slots__ = ("_buffer", "_headers", "_status")

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        """Expect the events that belong to `status` and `headers`."""
        self._status = status
        self._headers = headers
        self._buffer = BodyBuffer()

    @property
    def done(self) -> bool:
        """The body is larger than we take."""
        return self._buffer.overflowed

    @property
    def has_token(self) -> bool:
        """Never: an error has no content."""
        return False

    def feed(self, chunk: bytes) -> None:
        """Keep the next bytes."""
        self._buffer.feed(chunk)

    def finish(self) -> Failure:
        """Classify the status with what the first event says."""
        body = self._buffer.take()
        parser = EventParser()
        events = parser.feed(body) + parser.finish()
        return classify(self._status, self._headers, events[0].data if events else body)
