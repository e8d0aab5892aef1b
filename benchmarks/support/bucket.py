"""A token bucket as providers document theirs: continuous refill, refused when it does not hold enough."""

from __future__ import annotations


class Bucket:
    """Holds `burst_seconds` worth of a limit per minute, and begins full."""

    def __init__(self, per_minute: float, burst_seconds: float, now: float) -> None:
        """Begin at time `now`."""
        self.per_minute = per_minute
        self.capacity = per_minute * burst_seconds / 60
        self._level = self.capacity
        self._filled_at = now

    def level(self, now: float) -> float:
        """What it holds."""
        refilled = self._level + (now - self._filled_at) * self.per_minute / 60
        return min(self.capacity, refilled)

    def seconds_until(self, amount: float, now: float) -> float:
        """How long until it holds `amount`; more than the bucket holds is let through when it is full."""
        missing = min(amount, self.capacity) - self.level(now)
        return max(0.0, missing * 60 / self.per_minute)

    def seconds_until_full(self, now: float) -> float:
        """How long until it is full again."""
        return (self.capacity - self.level(now)) * 60 / self.per_minute

    def take(self, amount: float, now: float) -> None:
        """Take `amount` out."""
        self._level = self.level(now) - amount
        self._filled_at = now


def optimum_seconds(amount: float, bucket: Bucket) -> float:
    """The least time in which `amount` passes a bucket that begins full."""
    return max(0.0, amount - bucket.capacity) * 60 / bucket.per_minute
