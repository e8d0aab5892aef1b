"""How many requests of a lane may be in flight: few at first where no limit is known, more with every answer."""

from __future__ import annotations

from collections import deque

import anyio

from pipeline.core.clock import Clock

FIRST_SIZE = 8
CALM_SECONDS = 15.0
"""After a cut, refusals of this long are taken to be of the same cause."""
FIRST_CUT = 0.5
CUT = 0.8
WINDOWS_TO_GROW = 3


class Window:
    """Additive increase, multiplicative decrease (reliability 5.1), with a fast start as TCP has it (RFC 5681).

    Until the first refusal each answer makes room for one request more, which doubles the window every round trip;
    later it grows by one in three round trips. A provider's faults, which are no refusals, only stop the growth.
    """

    def __init__(self, clock: Clock, *, most: int | None = None, first: int | None = FIRST_SIZE) -> None:
        """Hold at most `most`; `first` None begins as wide as that, for a lane whose limits are known."""
        self._clock = clock
        self._most = float("inf") if most is None else float(most)
        self._size = self._most if first is None else min(self._most, float(first))
        self._in_flight = 0
        self._is_fast = True
        self._was_cut = False
        self._credit = 0
        self._no_cut_before = clock.monotonic()
        self._waiting: deque[anyio.Event] = deque()

    @property
    def size(self) -> float:
        """How many may be in flight now."""
        return self._size

    async def enter(self) -> None:
        """Count one more in flight, once there is room; first come, first served."""
        if self._waiting or self._in_flight >= self._size:
            await self._wait()
        else:
            self._in_flight += 1

    def leave(self) -> None:
        """One came back."""
        self._in_flight -= 1
        self._admit()

    def answered(self) -> None:
        """An answer: grow, if it is this window that holds the lane back."""
        if self._size >= self._most or self._in_flight < self._size / 2:
            return
        self._credit += 1
        if self._is_fast or self._credit >= WINDOWS_TO_GROW * self._size:
            self._size = min(self._most, self._size + 1)
            self._credit = 0

    def faulted(self) -> None:
        """The provider's fault, not a refusal: a reason not to grow."""
        self._credit = 0

    def refused(self, pause_seconds: float) -> None:
        """Over the limit: cut, once for all refusals of the same cause."""
        now = self._clock.monotonic()
        if now < self._no_cut_before:
            return
        self._no_cut_before = now + max(CALM_SECONDS, pause_seconds)
        held = min(self._size, max(self._in_flight, 1))
        self._size = max(1.0, held * (CUT if self._was_cut else FIRST_CUT))
        self._was_cut = True
        self._is_fast = False
        self._credit = 0

    def pace_is_known(self) -> None:
        """A rate holds the lane back from now on, so the window may widen fast again."""
        self._is_fast = True

    def open_wide(self) -> None:
        """The provider tells its limits: they hold the lane back, not this."""
        self._size = self._most
        self._admit()

    async def _wait(self) -> None:
        turn = anyio.Event()
        self._waiting.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.leave()
            else:
                self._waiting.remove(turn)
            raise

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self._size:
            self._in_flight += 1
            self._waiting.popleft().set()
