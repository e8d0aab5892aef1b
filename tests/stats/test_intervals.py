"""Intervals against statsmodels and scipy, and what they refuse to claim."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from pipeline.stats.intervals import clopper_pearson, mean_se, share_interval, t_interval, wilson

COUNTS = [(0, 2), (1, 2), (2, 2), (0, 50), (7, 50), (50, 50), (286, 1319), (999_999, 1_000_000)]


@pytest.mark.parametrize(("passed", "n"), COUNTS)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_statsmodels(passed: int, n: int, level: float) -> None:
    assert wilson(passed, n, level) == pytest.approx(
        proportion_confint(passed, n, alpha=1 - level, method="wilson"), abs=1e-12
    )


@pytest.mark.parametrize(("passed", "n"), COUNTS)
def test_clopper_pearson_agrees_with_statsmodels(passed: int, n: int) -> None:
    assert clopper_pearson(passed, n) == pytest.approx(
        proportion_confint(passed, n, method="beta"), rel=1e-9, abs=1e-12
    )


def test_no_interval_comes_from_one_observation() -> None:
    assert wilson(1, 1) is None
    assert clopper_pearson(0, 1) is None
    assert t_interval(0.5, None, 1) is None
    assert mean_se([0.5]) == (0.5, None)
    assert mean_se([]) == (None, None)


def test_values_that_do_not_vary_give_no_interval() -> None:
    mean, se = mean_se([0.1] * 7)
    assert t_interval(mean, se, 7) is None
    assert t_interval(0.0, 0.0, 100) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_no_numbers_have_no_mean(value: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        mean_se([0.5, value])


def test_impossible_counts_are_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 passed of 2"):
        wilson(3, 2)


def test_the_ends_of_wilson_are_exact() -> None:
    assert wilson(0, 10)[0] == 0.0  # type: ignore[index]
    assert wilson(10, 10)[1] == 1.0  # type: ignore[index]


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_mean_and_se_agree_with_scipy(values: list[float]) -> None:
    mean, se = mean_se(values)
    assert mean == pytest.approx(math.fsum(values) / len(values), rel=1e-9, abs=1e-6)
    assert se == pytest.approx(stats.sem(values), rel=1e-9, abs=1e-9)


def test_the_t_interval_agrees_with_scipy() -> None:
    values = [0.2, 0.4, 0.9, 0.1, 0.5]
    mean, se = mean_se(values)
    assert t_interval(mean, se, 5) == pytest.approx(stats.t.interval(0.95, 4, loc=mean, scale=se), rel=1e-12)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1 / 3, 0.5, 2 / 3, 1.0]), min_size=2, max_size=40))
def test_the_interval_of_shares_lies_between_0_and_1_and_holds_the_mean(shares: list[float]) -> None:
    mean, se = mean_se(shares)
    found = share_interval(mean, se, len(shares))
    assert found is not None
    assert mean is not None
    low, high = found
    assert 0 <= low <= mean <= high <= 1
    assert low < high


def test_one_share_has_no_interval() -> None:
    assert share_interval(1.0, None, 1) is None
    assert share_interval(None, None, 0) is None
