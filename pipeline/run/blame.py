"""Blame: whether a failed attempt is the job's own fault or its provider's, as far as that can be told."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pipeline.core.clock import Clock
from pipeline.core.records import Failure
from pipeline.run.breaker import Breaker
from pipeline.run.retry import UNCHARGED, RetryPolicy, next_delay

PROVIDERS_FAULTS = frozenset({"overload", "transport"})
"""Kinds of failures that may be the provider's fault, for all jobs alike."""

UNAVAILABLE = frozenset({502, 503, 521, 522, 523, 529})
"""Statuses that stand before any request: nobody was there to be brought down by it. A 500 can be one request's own
doing, and so can one that took too long (504, 520, 524)."""

PROOFS = 2
"""Times that others are answered between a job's faults, until those are its own."""

DOUBT_SECONDS = 90.0
"""From a job's first fault to its last attempt, where nothing tells if the fault is its own: longer than most outages
last, and short enough for a request that always brings the server down."""


@dataclass(slots=True)
class Standing:
    """How one job has fared."""

    charged: int = 0
    """Attempts that failed by the job's own account."""
    proofs: int = 0
    """Faults since which others had been answered when the next one came."""
    first_fault_at: float | None = None
    answers_at_start: int = 0
    """The lane's answers when the latest attempt left."""
    answers_at_fault: int | None = None
    """The lane's answers when the provider last failed on this job."""


class Blame:
    """One lane's answers and faults, and what they say of a job that goes on failing.

    Others' answers decide: a provider that answers them is there, so a job that fails all the while is at fault. As
    long as nobody is answered a fault that no request can cause is the provider's: its lane counts as down, and the
    job waits for it. Any other is the job's own once its attempts are used up, the last of them after a while.
    """

    def __init__(self, policy: RetryPolicy, breaker: Breaker, clock: Clock, rng: Random) -> None:
        """`breaker` is opened where a job shows that the provider is down."""
        self._policy = policy
        self._breaker = breaker
        self._clock = clock
        self._rng = rng
        self._answers = 0

    def answered(self) -> None:
        """The provider answered a request of the lane."""
        self._answers += 1

    def left(self, job: Standing) -> None:
        """An attempt of `job` leaves."""
        job.answers_at_start = self._answers

    def wait_seconds(self, job: Standing, failure: Failure) -> float | None:
        """Seconds until the job's next attempt after `failure`; None when it has failed for good."""
        if failure.kind not in PROVIDERS_FAULTS:
            job.charged += failure.kind not in UNCHARGED
            return next_delay(self._policy, failure, job.charged, self._rng)
        others_answered = self._note_fault(job)
        job.charged += self._breaker.is_closed or job.proofs > 0
        delay = next_delay(self._policy, failure, job.charged, self._rng)
        if delay is not None:
            return max(delay, self._doubt_seconds(job, failure))
        enough = min(PROOFS, self._policy.max_attempts - 1)
        if not failure.transient or not is_providers(failure) or job.proofs >= enough:
            return None
        if others_answered:
            return next_delay(self._policy, failure, self._policy.max_attempts - 1, self._rng)
        self._breaker.open()
        return 0.0

    def _note_fault(self, job: Standing) -> bool:
        """Whether others were answered since the provider last failed on `job`."""
        if job.first_fault_at is None:
            job.first_fault_at = self._clock.monotonic()
        others_answered = job.answers_at_fault is not None and self._answers > job.answers_at_fault
        job.proofs += others_answered
        job.answers_at_fault = self._answers
        return others_answered

    def _doubt_seconds(self, job: Standing, failure: Failure) -> float:
        """How long the job's last attempt is to wait: a while, if all that speaks against the job is itself."""
        is_last = job.charged == self._policy.max_attempts - 1
        if not is_last or is_providers(failure) or self._answers > job.answers_at_start or job.first_fault_at is None:
            return 0.0
        return job.first_fault_at + DOUBT_SECONDS - self._clock.monotonic()


def is_providers(failure: Failure) -> bool:
    """Whether no request can be the cause of `failure`: there was no connection, or nobody behind it."""
    if failure.http_status is None:
        return failure.kind == "transport" and not failure.possibly_paid
    return failure.http_status in UNAVAILABLE
