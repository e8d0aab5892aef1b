"""Too many failures: what a run's jobs came to, and when that is reason to stop it."""

from __future__ import annotations

from collections import Counter

from pipeline.core.errors import StoppedResumable
from pipeline.core.records import Result

FEWEST_JOBS = 100
"""Fewer ended jobs count as so many, so that no run stops for a few early failures."""

_SHOWN_REASONS = 3


class FailureRate:
    """The share of a session's jobs that failed: in error, or with an answer that breaks its schema (reliability 5.2).

    An earlier session's failures are on record and do not count, so that a run goes on once their cause is mended.
    """

    def __init__(self, most: float | None, jobs: int) -> None:
        """`most`: the share that is borne, None for any; `jobs`: how many the whole run has."""
        self._most = most
        self._fewest = min(FEWEST_JOBS, jobs)
        self._ended = 0
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}

    def ended(self, result: Result, problem: str | None) -> StoppedResumable | None:
        """Count a job that ended; the error to stop with, when too many failed.

        `problem` is what is wrong with an answer that is taken nevertheless.
        """
        if self._most is None:
            return None
        self._ended += 1
        if result.status == "error":
            self._failed(result.model, result.error_kind or "unknown", result.error_message or "")
        elif problem is not None:
            self._failed(result.model, "output", problem)
        else:
            return None
        failed = self._reasons.total()
        return self._error(self._most, failed) if failed > self._most * max(self._ended, self._fewest) else None

    def _failed(self, model: str, kind: str, message: str) -> None:
        self._reasons[model, kind] += 1
        self._examples.setdefault((model, kind), message)

    def _error(self, most: float, failed: int) -> StoppedResumable:
        reasons = "; ".join(
            f"{count:,} of {model!r}: {kind}: {self._examples[model, kind]}"
            for (model, kind), count in self._reasons.most_common(_SHOWN_REASONS)
        )
        return StoppedResumable(
            f"{failed:,} of the first {self._ended:,} jobs failed, more than max_failure_rate = {most:g} allows "
            f"({reasons}). Everything answered is kept; mend the cause, or raise max_failure_rate (or "
            "--max-failure-rate), and run again to continue. Failed jobs stay failed unless --retry error asks for them"
        )
