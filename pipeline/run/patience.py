"""Patience: how long a lane waits for a provider that asks it to, refuses everything, or fails."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.core.clock import Clock
from pipeline.core.records import Failure
from pipeline.core.settings import RunSettings
from pipeline.run.breaker import Breaker

LONG_WAIT_SECONDS = 120.0
"""A provider that asks to wait longer has a limit by the day or so: the user is told at once (reliability 5.3)."""


class LongWait(NamedTuple):
    """A wait that the user should know of."""

    said: str
    """What the provider does: `asks to wait 300 s`."""
    is_too_long: bool
    """Whether the lane does not wait for it."""


class Patience:
    """One lane's waits, against the longest that its settings allow."""

    def __init__(self, run: RunSettings, breaker: Breaker, clock: Clock) -> None:
        """`breaker` knows how long the provider has failed."""
        self._run = run
        self._breaker = breaker
        self._clock = clock
        self._refused_since: float | None = None
        """When the provider began to refuse everything, by 429."""
        self._told_until = clock.monotonic()

    def answered(self) -> None:
        """The provider refuses no more."""
        self._refused_since = None

    def failed(self, failure: Failure) -> LongWait | None:
        """The wait that `failure` means, where it is long: too long each time, else once for its time."""
        run, now = self._run, self._clock.monotonic()
        asked = failure.retry_after_seconds or 0.0
        if failure.kind == "rate" and self._refused_since is None:
            self._refused_since = now
        refused = 0.0 if self._refused_since is None else now - self._refused_since
        down = self._breaker.open_seconds
        asks = f"asks to wait {asked:.0f} s"
        refuses = f"has refused every request for {refused:.0f} s"
        if asked > run.max_wait_seconds:
            return LongWait(f"{asks}, longer than max_wait_seconds = {run.max_wait_seconds:g}", True)
        if refused > run.max_wait_seconds:
            return LongWait(f"{refuses}, longer than max_wait_seconds = {run.max_wait_seconds:g}", True)
        if down > run.max_outage_seconds:
            said = f"has failed for {down:.0f} s, longer than max_outage_seconds = {run.max_outage_seconds:g}"
            return LongWait(said, True)
        if max(asked, refused) <= LONG_WAIT_SECONDS or now < self._told_until:
            return None
        self._told_until = now + max(asked, LONG_WAIT_SECONDS)
        return LongWait(asks if asked else refuses, False)
