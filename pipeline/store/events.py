"""The events of a run: when a lane waited and when it went on, one JSON line each, beside the journal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pipeline.store.disk import read_regular

FILE_NAME = "events.jsonl"
_MOST_BYTES = 64 * 1024 * 1024


class EventLog:
    """Appends to `events.jsonl`; what cannot be written is lost, for nothing depends on it."""

    def __init__(self, folder: Path) -> None:
        """Write below `folder`."""
        self._path = folder / FILE_NAME

    def add(self, at: datetime, model: str, said: str) -> None:
        """Write one event down."""
        self._append({"at": at.isoformat(timespec="milliseconds"), "model": model, "event": said})

    def limits(self, at: datetime, limits: Sequence[Mapping[str, Any]]) -> None:
        """Write down that from now on these limits are configured, and not those of run.json."""
        self._append({"at": at.isoformat(timespec="milliseconds"), "limits": list(limits)})

    def _append(self, event: Mapping[str, Any]) -> None:
        line = orjson.dumps(event) + b"\n"
        with suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)


@dataclass(frozen=True, slots=True)
class Events:
    """What a run's events tell, in the order in which they were written."""

    waits: list[dict[str, Any]] = field(default_factory=list)
    """`{"at", "model", "event"}`: a lane waits, or goes on."""
    limits: list[dict[str, Any]] = field(default_factory=list)
    """`{"at", "limits"}`: limits that were changed between two sessions."""


def read_events(folder: Path) -> Events:
    """Read what is there; lines that are damaged, and files that are none of ours, tell nothing."""
    events = Events()
    try:
        lines = read_regular(folder / FILE_NAME, limit=_MOST_BYTES).splitlines()
    except OSError:
        return events
    for line in lines:
        with suppress(ValueError, TypeError, LookupError):
            found = orjson.loads(line)
            if datetime.fromisoformat(found["at"]).tzinfo is None:
                continue
            if isinstance(found.get("model"), str) and isinstance(found.get("event"), str):
                events.waits.append({name: found[name] for name in ("at", "model", "event")})
            elif _are_limits(found.get("limits")):
                events.limits.append({"at": found["at"], "limits": found["limits"]})
    return events


def _are_limits(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and _is_account(one) for one in value)


def _is_account(value: Mapping[str, Any]) -> bool:
    """Texts who it is of, and numbers, or null, what it allows."""
    numbers = (value[name] for name in value.keys() - {"provider", "models", "accounting"})
    return (
        isinstance(value.get("provider"), str)
        and isinstance(value.get("models"), list)
        and all(isinstance(name, str) for name in value["models"])
        and all(number is None or isinstance(number, int | float) for number in numbers)
    )
