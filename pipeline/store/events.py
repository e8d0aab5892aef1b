"""The events of a run: when a lane waited and when it went on, one JSON line each, beside the journal."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import orjson

FILE_NAME = "events.jsonl"


class EventLog:
    """Appends to `events.jsonl`; what cannot be written is lost, for nothing depends on it."""

    def __init__(self, folder: Path) -> None:
        """Write below `folder`."""
        self._path = folder / FILE_NAME

    def add(self, at: datetime, model: str, said: str) -> None:
        """Write one event down."""
        line = orjson.dumps({"at": at.isoformat(timespec="milliseconds"), "model": model, "event": said}) + b"\n"
        with suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)
