"""A gate that a refusal closes for a whole lane."""

from __future__ import annotations

from pipeline.core.clock import Clock

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Gate:
    """A time before which no request of the lane may leave; it only ever moves later."""

    def __init__(self, clock: Clock) -> None:
        """Begin open."""
        self._clock = clock
        self._not_before = clock.monotonic()
        self._next_seconds = FIRST_PAUSE_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether a request may leave now."""
        return self._clock.monotonic() >= self._not_before

    def close_for(self, seconds: float) -> None:
        """Keep shut for `seconds` from now, unless it is shut for longer already."""
        self._not_before = max(self._not_before, self._clock.monotonic() + seconds)

    def refused(self, retry_after_seconds: float | None) -> None:
        """The account is over its limit: keep shut as long as it says, or for a second that doubles each time.

        To be told less than a second is to be told nothing. Refusals that were under way when the gate closed say
        nothing new, and do not double it.
        """
        if retry_after_seconds is not None and retry_after_seconds >= FIRST_PAUSE_SECONDS:
            self.close_for(retry_after_seconds)
        elif self.is_open:
            self.close_for(self._next_seconds)
            self._next_seconds = min(LONGEST_PAUSE_SECONDS, 2 * self._next_seconds)

    def admitted(self) -> None:
        """A request went through: the next refusal starts from a second again."""
        self._next_seconds = FIRST_PAUSE_SECONDS

    async def passed(self) -> None:
        """Return once the gate is open."""
        while (wait := self._not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
