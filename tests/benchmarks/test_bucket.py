"""The limit server's bucket, and the optimum that follows from it."""

import pytest

from benchmarks.support.bucket import Bucket, optimum_seconds


def test_begins_full_with_its_burst() -> None:
    assert Bucket(600, 6, now=0).level(0) == 60


def test_refills_continuously_and_never_above_its_capacity() -> None:
    bucket = Bucket(600, 6, now=0)
    bucket.take(60, 0)
    assert bucket.level(1.5) == 15
    assert bucket.level(1000) == 60


def test_says_how_long_until_an_amount_is_there() -> None:
    bucket = Bucket(600, 6, now=0)
    bucket.take(60, 0)
    assert bucket.seconds_until(5, 0) == 0.5
    assert bucket.seconds_until(5, 2) == 0
    assert bucket.seconds_until_full(0) == 6


def test_more_than_it_holds_passes_when_it_is_full_and_leaves_a_debt() -> None:
    bucket = Bucket(600, 6, now=0)
    assert bucket.seconds_until(100, 0) == 0
    bucket.take(100, 0)
    assert bucket.seconds_until(1, 0) == pytest.approx(4.1)


def test_the_optimum_spends_the_burst_first() -> None:
    bucket = Bucket(600, 6, now=0)
    assert optimum_seconds(660, bucket) == 60
    assert optimum_seconds(50, bucket) == 0
