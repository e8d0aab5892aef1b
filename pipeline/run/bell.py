"""Waiting for a time or for a change, whichever comes first, without looking again and again."""

from __future__ import annotations

import anyio

from pipeline.core.clock import Clock


class Bell:
    """Wakes whoever waits for it; they look for themselves whether they may go on."""

    def __init__(self, clock: Clock) -> None:
        """Wait by `clock`."""
        self._clock = clock
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        """Wake everyone who waits now."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self, seconds: float | None = None) -> None:
        """Return at the next ring, or after `seconds` where they are given."""
        if self._event is None:
            self._event = anyio.Event()
        event = self._event
        if seconds is None:
            await event.wait()
            return
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(self._ring_after, max(0.0, seconds))
            await event.wait()
            waiting.cancel_scope.cancel()

    async def _ring_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.ring()
