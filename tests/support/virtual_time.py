"""An event loop whose time passes at once: waiting costs nothing, and everything that asks the loop for time agrees."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import anyio
from anyio import to_thread

from tests.support.clock import START

T = TypeVar("T")
_THREAD_SECONDS = 0.0005
"""How long is really waited for a thread that is at work, before looking again; no time passes on the loop then."""

_TURN_SECONDS = 1e-6
"""What each turn of the loop takes, so that a wait too short for the clock to show comes to an end."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer when nothing else is to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self.threads: anyio.CapacityLimiter | None = None
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += _TURN_SECONDS
        events = super().select(0)
        if events or timeout == 0:
            return events
        threads = self._loop.threads
        if timeout is None or (threads is not None and threads.borrowed_tokens):
            return super().select(_THREAD_SECONDS)
        self._loop.now += timeout
        return events


class LoopClock:
    """The clock of the loop that runs."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


def run_at_once(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end in virtual time."""

    async def main() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.threads = to_thread.current_default_thread_limiter()
        return await work()

    return anyio.run(main, backend_options={"loop_factory": VirtualLoop})
