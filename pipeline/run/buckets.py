"""A bucket that refills continuously and serves in order of arrival."""

from __future__ import annotations

import anyio

from pipeline.core.clock import Clock
from pipeline.run.bell import Bell


class TokenBudget:
    """A bucket of tokens that refills continuously; reservations are served in order of arrival.

    An amount larger than the bucket is let through when the bucket is full, and leaves it in debt: a large request
    waits its turn and is never starved (aiolimiter serves the smallest first, refunds nothing, refuses such amounts).
    """

    def __init__(self, per_minute: float, burst_seconds: float, clock: Clock) -> None:
        """Begin full: `burst_seconds` worth of the limit."""
        self._burst_seconds = burst_seconds
        self._clock = clock
        self._filled_at = clock.monotonic()
        self._turn = anyio.Lock(fast_acquire=True)
        self._bell = Bell(clock)
        self._set(per_minute)
        self._level = self._capacity

    @property
    def per_second(self) -> float:
        """The rate that holds now."""
        return self._per_second

    def change_rate(self, per_minute: float) -> None:
        """Refill at another rate from now on; what is in the bucket stays, as far as it has room."""
        self._refill()
        self._set(per_minute)
        self._level = min(self._level, self._capacity)
        self._bell.ring()

    def limit_burst(self, seconds: float) -> None:
        """Hold no more than `seconds` worth of the rate from now on."""
        self._burst_seconds = seconds
        self.change_rate(60 * self._per_second)

    def lower_to(self, level: float) -> None:
        """The provider counts less than is thought to be left."""
        self._level = min(self._refill(), level)

    async def reserve(self, tokens: float) -> None:
        """Take `tokens` out, waiting in line until they are there."""
        async with self._turn:
            while (missing := min(tokens, self._capacity) - self._refill()) > 1e-9:
                await self._bell.wait(missing / self._per_second)
            self._level -= tokens

    def settle(self, reserved: float, used: float) -> None:
        """Put back what was reserved and not used, or take out what was used beyond."""
        self._level = min(self._capacity, self._refill() + reserved - used)
        self._bell.ring()

    def _set(self, per_minute: float) -> None:
        self._per_second = per_minute / 60
        self._capacity = max(1.0, self._per_second * self._burst_seconds)

    def _refill(self) -> float:
        now = self._clock.monotonic()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return self._level
