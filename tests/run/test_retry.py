"""Retry decides from the failure, the count and chance alone."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.core.records import Failure
from pipeline.run.retry import RetryPolicy, next_delay

POLICY = RetryPolicy(max_attempts=6, base_seconds=1.0, max_seconds=60.0)


def failure(*, transient: bool = True, retry_after: float | None = None) -> Failure:
    return Failure(kind="overload", message="busy", transient=transient, retry_after_seconds=retry_after)


def test_a_permanent_failure_is_not_retried() -> None:
    assert next_delay(POLICY, failure(transient=False), 1, Random(0)) is None


def test_the_last_attempt_gives_up() -> None:
    assert next_delay(POLICY, failure(), 5, Random(0)) is not None
    assert next_delay(POLICY, failure(), 6, Random(0)) is None


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
def test_the_wait_is_uniform_up_to_a_doubling_ceiling(attempt: int, ceiling: float) -> None:
    rng = Random(7)
    waits = [next_delay(POLICY, failure(), attempt, rng) or 0 for _ in range(2000)]
    assert 0 <= min(waits) < 0.01 * ceiling
    assert 0.99 * ceiling < max(waits) <= ceiling
    assert sum(waits) / len(waits) == pytest.approx(ceiling / 2, rel=0.05)


def test_the_ceiling_is_capped() -> None:
    patient = RetryPolicy(max_attempts=100)
    rng = Random(7)
    waits = [next_delay(patient, failure(), 50, rng) or 0 for _ in range(2000)]
    assert 59 < max(waits) <= 60
    assert min(waits) < 1, "jitter must not vanish at the cap"


def test_retry_after_is_a_floor_that_is_spread_by_a_tenth() -> None:
    rng = Random(7)
    waits = [next_delay(POLICY, failure(retry_after=30.0), 1, rng) or 0 for _ in range(500)]
    assert min(waits) >= 30
    assert 32 < max(waits) <= 33


def test_a_failure_that_was_not_charged_yet_waits_like_a_first_one() -> None:
    assert 0 <= (next_delay(POLICY, failure(), 0, Random(1)) or 0) <= 1
