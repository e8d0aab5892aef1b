"""A clock that moves only when told, and wakes sleepers in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class ManualClock:
    """Sleeping moves the time; concurrent sleepers wake in the order of their times."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, anyio.Event]] = []

    def monotonic(self) -> float:
        return self._now

    def now(self) -> datetime:
        return START + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        wake = self._now + max(0.0, seconds)
        event = anyio.Event()
        self._sleepers.append((wake, event))
        try:
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            while not event.is_set():
                earliest = min(self._sleepers, key=lambda sleeper: sleeper[0])
                self._now = max(self._now, earliest[0])
                earliest[1].set()
                await anyio.lowlevel.checkpoint()
        finally:
            self._sleepers.remove((wake, event))

    def advance(self, seconds: float) -> None:
        self._now += seconds
