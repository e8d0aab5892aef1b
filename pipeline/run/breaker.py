"""A circuit breaker: while a provider is down its lane waits, and one real job at a time asks whether it is back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Literal

import anyio

from pipeline.core.clock import Clock
from pipeline.run.bell import Bell

SAMPLES = 40
FAULTS_TO_OPEN = 20
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 30.0
ANSWERS_TO_CLOSE = 10
FAULTS_TO_REOPEN = 3

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens when half of the lane's last 40 outcomes are the provider's faults (reliability 5.1, rule 7), or when told.

    The window is counted in outcomes and not in seconds: so it holds for a lane of one request in flight as for one of
    a thousand, where half of 30 seconds' outcomes would be 10,000 failures. While it is open one request at a time
    leaves, after 1, 2, 4 .. 30 seconds; an answer lets a quarter of the lane through, ten answers all of it.
    """

    def __init__(self, concurrency: int, clock: Clock, rng: Random, *, changed: Callable[[str], None]) -> None:
        """`changed` is told, in words, when the lane stops and goes on."""
        self._quarter = max(1, concurrency // 4)
        self._clock = clock
        self._rng = rng
        self._tell = changed
        self._state: State = "closed"
        self._outcomes: deque[bool] = deque(maxlen=SAMPLES)
        self._opened_at = 0.0
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._probe_at = 0.0
        self._out = 0
        """Requests that left since it opened and have not come back."""
        self._answers = 0
        self._turn = anyio.Lock()
        self._bell = Bell(clock)

    @property
    def is_closed(self) -> bool:
        """Whether everything may leave."""
        return self._state == "closed"

    @property
    def open_seconds(self) -> float:
        """How long nothing has been answered; 0 while it is not open."""
        return self._clock.monotonic() - self._opened_at if self._state == "open" else 0.0

    async def passed(self) -> bool:
        """Return when one request may leave, first come, first served; whether it is one that tries the provider.

        Each True is answered by `tried` or `withdrawn`, once.
        """
        return False if self.is_closed else await self._in_turn()

    async def _in_turn(self) -> bool:
        async with self._turn:
            while not self._may_leave():
                waits_for_time = self._state == "open" and self._out == 0
                await self._bell.wait(self._probe_at - self._clock.monotonic() if waits_for_time else None)
            if self.is_closed:
                return False
            self._out += 1
            return True

    def tried(self) -> None:
        """A request that tried the provider came back."""
        self._out -= 1
        self._bell.ring()

    def withdrawn(self) -> None:
        """A request that should have tried the provider did not leave."""
        self._out -= 1
        self._bell.ring()

    def open(self) -> None:
        """Wait and try, one request at a time: the provider is known to be down, though by few outcomes."""
        if self._state != "open":
            self._open()

    def answered(self, *, tried: bool) -> None:
        """The provider works; one that left before it broke down (not `tried`) says nothing of now."""
        if self._state == "closed":
            self._outcomes.append(False)
            return
        if not tried:
            return
        if self._state == "open":
            self._state, self._answers = "half-open", 0
            self._probe_seconds = max(FIRST_PROBE_SECONDS, self._probe_seconds / 2)
            self._outcomes.clear()
        self._outcomes.append(False)
        self._answers += 1
        if self._answers >= ANSWERS_TO_CLOSE:
            self._close()
        self._bell.ring()

    def faulted(self, *, tried: bool) -> None:
        """The provider failed; `tried`: the request left to find that out."""
        if self._state == "closed" or (self._state == "half-open" and tried):
            self._outcomes.append(True)
            if sum(self._outcomes) >= (FAULTS_TO_OPEN if self._state == "closed" else FAULTS_TO_REOPEN):
                self._open()
        elif tried:
            self._wait_longer()

    def _may_leave(self) -> bool:
        if self._state == "open":
            return self._out == 0 and self._clock.monotonic() >= self._probe_at
        return self._state == "closed" or self._out < self._quarter

    def _open(self) -> None:
        if self._state == "closed":
            self._probe_seconds = FIRST_PROBE_SECONDS
            self._tell("the provider fails; waiting until it answers again")
        self._state = "open"
        self._opened_at = self._clock.monotonic()
        self._outcomes.clear()
        self._wait_longer()

    def _close(self) -> None:
        self._state = "closed"
        self._outcomes.clear()
        self._tell("the provider answers again")

    def _wait_longer(self) -> None:
        jittered = self._probe_seconds * self._rng.uniform(0.8, 1.2)
        self._probe_at = self._clock.monotonic() + jittered
        self._probe_seconds = min(LONGEST_PROBE_SECONDS, 2 * self._probe_seconds)
        self._bell.ring()
