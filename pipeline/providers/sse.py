"""Server-sent events out of bytes, whatever their line ends and wherever the network cut them (protocol section 3)."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.providers.body import MAX_BODY_BYTES

MAX_EVENT_BYTES = 16 * 1024 * 1024
MAX_EVENTS = 1_000_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event."""

    name: str | None
    """The `event:` field; None without one."""
    data: bytes
    """All `data:` fields, joined by LF; bytes that no line end stands in are untouched."""


class EventParser:
    """Takes the bytes of a stream in any pieces and gives the same events for all of them.

    A line ends in CR, LF or CRLF and nowhere else: U+2028, U+0085 and form feeds are text. `retry:`, `id:` and
    comments are left out. After an overflow nothing more comes.
    """

    __slots__ = (
        "_after_cr",
        "_bytes",
        "_data",
        "_event_bytes",
        "_events",
        "_line",
        "_name",
        "_started",
        "cut",
        "overflow",
    )

    def __init__(self) -> None:
        """Expect the start of a stream."""
        self._line = bytearray()
        self._after_cr = False
        self._started = False
        self._name: str | None = None
        self._data: list[bytes] = []
        self._event_bytes = 0
        self._bytes = 0
        self._events = 0
        self.overflow: str | None = None
        """Which cap the stream went over."""
        self.cut = False
        """The stream ended within a line or an event that cannot be used; known after `finish`."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that `chunk` completes."""
        if self.overflow is not None or not chunk:
            return []
        self._bytes += len(chunk)
        if self._bytes > MAX_BODY_BYTES:
            return self._give_up(f"the stream is larger than {MAX_BODY_BYTES // 2**20} MiB")
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the other half of a CRLF
        self._after_cr = chunk.endswith(b"\r")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._line += chunk
            if len(self._line) + self._event_bytes > MAX_EVENT_BYTES:
                return self._give_up(_TOO_LARGE)
            return []
        return self._take_lines(chunk)

    def finish(self) -> list[Event]:
        """Return the last event, if the stream ended without the blank line after it."""
        if self.overflow is not None:
            return []
        line, self._line = bytes(self._line), bytearray()
        if not self._started:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        self._field(line)
        pending = self._name is not None or bool(self._data)
        found: list[Event] = []
        self._dispatch(found)
        harmless = not line or line.startswith((b":", b"id:", b"retry:"))
        self.cut = not found and (pending or not harmless)
        return found

    def _take_lines(self, chunk: bytes) -> list[Event]:
        # bytes.splitlines knows CR, LF and CRLF only, unlike str.splitlines.
        lines = (bytes(self._line) + chunk).splitlines(keepends=True)
        self._line = bytearray() if lines[-1].endswith((b"\n", b"\r")) else bytearray(lines.pop())
        found: list[Event] = []
        for line in lines:
            line = line.rstrip(b"\r\n")
            if not self._started:
                line = line.removeprefix(_BYTE_ORDER_MARK)
                self._started = True
            if line:
                self._field(line)
            elif self._data:
                self._dispatch(found)
            else:
                self._name = None
            if self.overflow is not None:
                return found
        if len(self._line) + self._event_bytes > MAX_EVENT_BYTES:
            self._give_up(_TOO_LARGE)
        return found

    def _field(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line.startswith(b" ", 5) else line[5:]
            self._data.append(value)
            self._event_bytes += len(value) + 1
            if self._event_bytes > MAX_EVENT_BYTES:
                self._give_up(_TOO_LARGE)
        elif line.startswith(b"event:"):
            value = line[7:] if line.startswith(b" ", 6) else line[6:]
            self._name = value.decode("utf-8", "replace") or None
        elif line == b"data":
            self._data.append(b"")

    def _dispatch(self, found: list[Event]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        name, self._name, self._data, self._event_bytes = self._name, None, [], 0
        if not data:
            return
        self._events += 1
        if self._events > MAX_EVENTS:
            self._give_up(f"the stream has more than {MAX_EVENTS:,} events")
            return
        found.append(Event(name, data))

    def _give_up(self, reason: str) -> list[Event]:
        self.overflow = reason
        self._line.clear()
        self._data.clear()
        return []


_TOO_LARGE = f"an event of the stream is larger than {MAX_EVENT_BYTES // 2**20} MiB"
