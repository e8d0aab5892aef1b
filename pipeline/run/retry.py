"""Retry: whether another attempt is made, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pipeline.core.records import Failure

UNCHARGED = frozenset({"rate"})
"""Failures that are the account's pace, not the job's fault: they use up no attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter (reliability 5.1)."""

    max_attempts: int = 6
    base_seconds: float = 1.0
    max_seconds: float = 60.0


def next_delay(policy: RetryPolicy, failure: Failure, charged: int, rng: Random) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `charged` counts the attempts that failed by the job's own account, this one included. The wait is uniform in
    0..min(max, base·2^(n−1)); a server's Retry-After is a floor, lengthened by up to 10 % so that workers do not
    wake together.
    """
    if not failure.transient or charged >= policy.max_attempts:
        return None
    exponent = min(max(charged, 1) - 1, 30)
    jittered = rng.uniform(0, min(policy.max_seconds, policy.base_seconds * 2.0**exponent))
    if failure.retry_after_seconds is None:
        return jittered
    return max(jittered, failure.retry_after_seconds * (1 + rng.uniform(0, 0.1)))
