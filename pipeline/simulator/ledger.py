"""What the simulator did and would have billed: counters per model, and one line per request on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from pipeline.core.errors import DiskError, OutputError

_DELIVERY_FIELDS = ("stream", "stream_options")


def request_key(body: Any) -> str:
    """Hash the canonical body (sorted keys, no white space) to 32 hexadecimal digits.

    Whether the answer is to be streamed does not count: it changes nothing in what is asked.
    """
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in _DELIVERY_FIELDS}
    return blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


@dataclass(slots=True)
class Counters:
    """Sums for one model."""

    requests: int = 0
    answered: int = 0
    """Requests whose answer was generated, and is billed."""
    delivered: int = 0
    """Of the answers, those that were handed to the socket whole."""
    faults: int = 0
    """Requests refused or failed."""
    input_tokens: int = 0
    """Fresh ones: neither read from nor written to the cache."""
    output_tokens: int = 0
    thinking_tokens: int = 0
    """Of the output tokens, those of thinking."""
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    """The sum of all known charges."""
    unpriced: int = 0
    """Answers of a model that has no price."""

    def add(self, other: Counters) -> None:
        """Add every counter of `other`."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request, as it is booked."""

    model: str | None
    key: str | None
    status: int
    """The HTTP status; 0 when the connection was reset."""
    billed: bool = False
    """An answer was generated, whether or not it reached the client."""
    fault: str | None = None
    """What went wrong by order, as a marker would ask for it."""
    input_tokens: int = 0
    output_tokens: int = 0
    """Thinking included."""
    thinking_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cost_usd: Decimal | None = None
    """The charge by the simulator's own price table; None where the model has no price there."""

    @property
    def cache_write_tokens(self) -> int:
        """Tokens written with either lifetime."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Where an entry stands."""

    entry: Entry
    offset: int | None
    """Of `false` in the entry's line; None without a file."""


class Ledger:
    """Books every request for an answer before it is sent, and notes afterwards that it went out whole.

    So the line of an answer is there when its client has it, and whoever dies meanwhile takes no line along.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Append to `path`, if there is one (OutputError when it cannot be opened)."""
        self.models: dict[str, Counters] = {}
        self.unread_requests = 0
        """Requests that were refused before their model was known."""
        self.lines = 0
        self._path = path
        self._descriptor = None if path is None else _open(path)

    @property
    def total(self) -> Counters:
        """The sum over all models."""
        total = Counters(requests=self.unread_requests, faults=self.unread_requests)
        for counters in self.models.values():
            total.add(counters)
        return total

    def book(self, entry: Entry) -> Booking:
        """Count `entry` and write its line (DiskError when the disk refuses it)."""
        self.lines += 1
        self._count(entry)
        if self._descriptor is None:
            return Booking(entry=entry, offset=None)
        line = {
            "delivered": False,
            "n": self.lines,
            "model": entry.model,
            "key": entry.key,
            "status": entry.status,
            "fault": entry.fault,
            "billed": entry.billed,
            "input_tokens": entry.input_tokens,
            "output_tokens": entry.output_tokens,
            "cache_read_tokens": entry.cache_read_tokens,
            "cache_write_tokens": entry.cache_write_tokens,
            "cache_write_5m_tokens": entry.cache_write_5m_tokens,
            "cache_write_1h_tokens": entry.cache_write_1h_tokens,
            "thinking_tokens": entry.thinking_tokens,
            "cost_usd": None if entry.cost_usd is None else str(entry.cost_usd),
        }
        data = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        self._write(data)
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return Booking(entry=entry, offset=end - len(data) + data.index(b"false"))

    def delivered(self, booking: Booking) -> None:
        """Note that an answer went out whole: `false` becomes `true` in its line."""
        if booking.entry.billed and booking.entry.model is not None:
            self.models[booking.entry.model].delivered += 1
        if booking.offset is None or self._descriptor is None or self._path is None:
            return
        # A descriptor of its own: one that appends ignores the offset.
        with self._path.open("r+b", buffering=0) as file:
            os.pwrite(file.fileno(), b"true ", booking.offset)

    def close(self) -> None:
        """Close the file; counters stay readable."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            return
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise DiskError(f"the simulator's ledger {self._path} cannot be written: {error}") from error
        if written != len(data):
            raise DiskError(f"the simulator's ledger {self._path} took {written} of {len(data)} bytes: disk full?")

    def _count(self, entry: Entry) -> None:
        if entry.model is None:
            self.unread_requests += 1
            return
        counters = self.models.setdefault(entry.model, Counters())
        counters.requests += 1
        counters.answered += entry.billed
        counters.faults += not entry.billed
        counters.input_tokens += entry.input_tokens
        counters.output_tokens += entry.output_tokens
        counters.thinking_tokens += entry.thinking_tokens
        counters.cache_read_tokens += entry.cache_read_tokens
        counters.cache_write_5m_tokens += entry.cache_write_5m_tokens
        counters.cache_write_1h_tokens += entry.cache_write_1h_tokens
        counters.cost_usd += entry.cost_usd or 0
        counters.unpriced += entry.billed and entry.cost_usd is None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(f"the simulator's ledger {path} cannot be opened: {error}; name a writable file") from error
