"""The rate that a provider was seen to take, where it tells none."""

from __future__ import annotations

from pipeline.core.clock import Clock
from pipeline.run.buckets import TokenBudget

SHORTEST_SECONDS = 2.0
FEWEST_REQUESTS = 10
CAUTION = 0.99
LEAST_GROWTH = 0.001
"""Share by which the pace grows in a second."""
GROWTH_OF_ONE = 0.5
"""The same where it was measured by one request; by more of them it is known better, and grows less."""


class LearnedPace:
    """Requests per second between two refusals, at each of which the provider's bucket was empty.

    What went through from one to the other is then exactly what was refilled. The pace found is used a little below
    its value and grows slowly, so that a limit that was raised is found again, until the next refusal measures anew.
    """

    def __init__(self, clock: Clock, burst_seconds: float) -> None:
        """Know nothing yet."""
        self._clock = clock
        self._burst_seconds = burst_seconds
        self._bucket: TokenBudget | None = None
        self._since: float | None = None
        self._before: tuple[float, float] | None = None
        """Start and end of the time between the last two refusals, until the pace is set from it."""
        self._left = 0
        self._left_before = 0
        self._growth = LEAST_GROWTH
        self._grown_at = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there is a pace."""
        return self._bucket is not None

    async def acquire(self) -> float:
        """Wait for the pace, if one is known; gives the time of leaving, for `refused`."""
        if self._before is not None:
            self._measure(*self._before)
        if self._bucket is not None:
            self._grow(self._bucket)
            await self._bucket.reserve(1)
        self._left += 1
        return self._clock.monotonic()

    def refused(self, left_at: float, *, is_first: bool) -> None:
        """A request that left at `left_at` was refused; `is_first`: the first one since the lane was let go on."""
        now = self._clock.monotonic()
        if self._since is not None and left_at >= self._since:
            self._left -= 1
        elif self._before is not None and left_at >= self._before[0]:
            self._left_before -= 1
        if is_first and (self._since is None or now - self._since >= SHORTEST_SECONDS):
            self._before = None if self._since is None else (self._since, now)
            self._since, self._left_before, self._left = now, self._left, 0

    def _measure(self, begun: float, ended: float) -> None:
        """Set the pace, now that every refusal of the time before is in."""
        self._before = None
        if self._left_before < FEWEST_REQUESTS:
            return
        per_minute = 60 * CAUTION * self._left_before / (ended - begun)
        if self._bucket is None:
            self._bucket = TokenBudget(per_minute, self._burst_seconds, self._clock)
            self._bucket.lower_to(0)
        else:
            self._bucket.change_rate(per_minute)
        self._growth = max(LEAST_GROWTH, GROWTH_OF_ONE / self._left_before)
        self._grown_at = self._clock.monotonic()

    def _grow(self, bucket: TokenBudget) -> None:
        now = self._clock.monotonic()
        if now - self._grown_at >= 1.0:
            bucket.change_rate(60 * bucket.per_second * (1 + self._growth) ** (now - self._grown_at))
            self._grown_at = now
