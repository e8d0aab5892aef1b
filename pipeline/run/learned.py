"""The rate that a provider was seen to take, where it tells none."""

from __future__ import annotations

from pipeline.core.clock import Clock
from pipeline.run.buckets import TokenBudget

SHORTEST_SECONDS = 2.0
FEWEST_REQUESTS = 10
CAUTION = 0.99
BURST_SECONDS = 1.0
"""What the provider takes at once is not known, so little is tried."""
IDLE_SECONDS = 10.0
"""A lane that sends nothing for longer stands still."""
LEAST_GROWTH = 0.001
"""Share by which the pace grows in a second."""
GROWTH_OF_ONE = 0.5
"""The same where it was measured by one request; by more of them it is known better, and grows less."""


class LearnedPace:
    """Requests per second between two refusals, at each of which the provider's bucket was empty.

    What went through from one to the other is then exactly what was refilled. The pace found is used a little below
    its value and grows slowly, so that a limit that was raised is found again, until the next refusal measures anew.
    """

    def __init__(self, clock: Clock) -> None:
        """Know nothing yet."""
        self._clock = clock
        self._bucket: TokenBudget | None = None
        self._since: float | None = None
        self._before: tuple[float, float] | None = None
        """Start and end of the time between the last two refusals, until the pace is set from it."""
        self._left = 0
        self._left_before = 0
        self._last_at = clock.monotonic()
        self._was_idle = False
        """Whether the lane stood still since the last refusal, as in an outage."""
        self._growth = LEAST_GROWTH
        self._grown_at = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there is a pace."""
        return self._bucket is not None

    async def passed(self) -> None:
        """Wait for the pace, if one is known."""
        if self._before is not None:
            self._measure(*self._before)
        if self._bucket is not None:
            self._grow(self._bucket)
            await self._bucket.reserve(1)

    def leaving(self) -> float:
        """A request leaves; gives the time, for `refused`."""
        now = self._clock.monotonic()
        self._was_idle |= now - self._last_at > IDLE_SECONDS
        self._last_at = now
        self._left += 1
        return now

    def refused(self, left_at: float, *, is_first: bool) -> None:
        """A request that left at `left_at` was refused; `is_first`: the first one since the lane was let go on."""
        now = self._clock.monotonic()
        if self._since is not None and left_at >= self._since:
            self._left -= 1
        elif self._before is not None and left_at >= self._before[0]:
            self._left_before -= 1
        if is_first and (self._since is None or now - self._since >= SHORTEST_SECONDS):
            # A provider's bucket that was full for a while took more or less than what was refilled.
            self._before = None if self._since is None or self._was_idle else (self._since, now)
            self._since, self._left_before, self._left, self._was_idle = now, self._left, 0, False

    def _measure(self, begun: float, ended: float) -> None:
        """Set the pace, now that every refusal of the time before is in."""
        self._before = None
        if self._left_before < FEWEST_REQUESTS:
            return
        per_minute = 60 * CAUTION * self._left_before / (ended - begun)
        if self._bucket is None:
            self._bucket = TokenBudget(per_minute, BURST_SECONDS, self._clock)
            self._bucket.lower_to(0)
        else:
            self._bucket.change_rate(per_minute)
        self._growth = max(LEAST_GROWTH, GROWTH_OF_ONE / self._left_before)
        self._grown_at = self._clock.monotonic()

    def _grow(self, bucket: TokenBudget) -> None:
        now = self._clock.monotonic()
        seconds = now - self._grown_at
        if seconds >= 1.0:
            bucket.change_rate(60 * bucket.per_second * (1 + self._growth) ** min(seconds, IDLE_SECONDS))
            self._grown_at = now
