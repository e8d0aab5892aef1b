"""Worker threads for requests: reading never blocks the event loop, and ends when nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")
IsDropped = Callable[[], bool]


class Workers:
    """A bounded number of threads."""

    def __init__(self, threads: int = 8) -> None:
        """At most `threads` work at once; others wait."""
        self._threads = anyio.CapacityLimiter(threads)

    async def run(self, work: Callable[[IsDropped], T]) -> T:
        """What `work` returns; cancelled, it is told by the function that it is given, and nobody waits for it."""
        dropped = threading.Event()
        try:
            return await anyio.to_thread.run_sync(work, dropped.is_set, abandon_on_cancel=True, limiter=self._threads)
        finally:
            dropped.set()
