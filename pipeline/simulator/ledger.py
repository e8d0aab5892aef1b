"""What the simulator did and would have billed: counters per model, and one line per request on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from pipeline.core.errors import DiskError, OutputError


def request_key(body: Any) -> str:
    """Hash the canonical body (sorted keys, no white space) to 32 hexadecimal digits."""
    return blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


@dataclass(slots=True)
class Counters:
    """Sums for one model."""

    requests: int = 0
    answered: int = 0
    """Requests whose answer was generated, and is billed."""
    faults: int = 0
    """Requests refused or failed."""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request, as it is booked."""

    model: str | None
    key: str | None
    status: int
    """The HTTP status; 0 when the connection was reset."""
    billed: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Ledger:
    """Books every request for an answer, at the moment it is decided and before it is sent."""

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
            total.requests += counters.requests
            total.answered += counters.answered
            total.faults += counters.faults
            total.input_tokens += counters.input_tokens
            total.output_tokens += counters.output_tokens
        return total

    def book(self, entry: Entry) -> None:
        """Count `entry` and write its line (DiskError when the disk refuses it)."""
        self.lines += 1
        self._count(entry)
        if self._descriptor is None:
            return
        line = {
            "n": self.lines,
            "model": entry.model,
            "key": entry.key,
            "status": entry.status,
            "input_tokens": entry.input_tokens,
            "output_tokens": entry.output_tokens,
            "cache_read_tokens": entry.cache_read_tokens,
            "cache_write_tokens": entry.cache_write_tokens,
        }
        data = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise DiskError(f"the simulator's ledger {self._path} cannot be written: {error}") from error
        if written != len(data):
            raise DiskError(f"the simulator's ledger {self._path} took {written} of {len(data)} bytes: disk full?")

    def close(self) -> None:
        """Close the file; counters stay readable."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

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


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(f"the simulator's ledger {path} cannot be opened: {error}; name a writable file") from error
