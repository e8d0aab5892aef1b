"""Retry: whether another attempt is made, after how long, and how many in all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random

import anyio

from pipeline.core.records import Failure

MOST_RETRIES = 100.0
PER_ANSWER = 0.1

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


def retry_cost(failure: Failure) -> float:
    """What another attempt takes from the lane's retry budget: twice as much where this one was probably paid."""
    return 2.0 if failure.kind == "transport" and failure.possibly_paid else 1.0


@dataclass(slots=True, eq=False)
class _Waiter:
    cost: float
    turn: anyio.Event
    on_credit: bool = False


class RetryBudget:
    """Keeps retries at a tenth of a lane's requests in the long run (reliability 5.1, rule 4).

    A retry that finds it empty waits, and never fails for it: answers fill it, and a few retries at a time go on
    credit, so that jobs that are the last of their lane are not held up for ever.
    """

    def __init__(self, on_credit: int) -> None:
        """Begin full; at most `on_credit` retries are out that it could not cover."""
        self._level = MOST_RETRIES
        self._credit = on_credit
        self._waiting: deque[_Waiter] = deque()

    async def take(self, cost: float) -> bool:
        """Wait in line for a retry of `cost`; True if it goes on credit, and then `returned` ends it."""
        waiter = _Waiter(cost, anyio.Event())
        self._waiting.append(waiter)
        self._serve()
        if waiter.turn.is_set():
            return waiter.on_credit
        try:
            await waiter.turn.wait()
        except BaseException:
            if not waiter.turn.is_set():
                self._waiting.remove(waiter)
            elif waiter.on_credit:
                self.returned()
            raise
        return waiter.on_credit

    def answered(self) -> None:
        """An answer gives a tenth of a retry back."""
        self._level = min(MOST_RETRIES, self._level + PER_ANSWER)
        if self._waiting:
            self._serve()

    def returned(self) -> None:
        """A retry on credit came back."""
        self._credit += 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if self._level >= first.cost:
                self._level -= first.cost
            elif self._credit > 0:
                self._credit -= 1
                first.on_credit = True
            else:
                return
            self._waiting.popleft()
            first.turn.set()
