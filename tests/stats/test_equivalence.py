"""Equivalence against statsmodels, and what is not told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from pipeline.stats.equivalence import UNKNOWN, tost, tost_without_difference
from pipeline.stats.intervals import mean_se


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.02, 0.1, 0.4])
def test_p_agrees_with_statsmodels(seed: int, margin: float) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.random(120), draw.random(120)
    known, _, _ = ttost_paired(b, a, -margin, margin)
    difference, se = mean_se(b - a)
    found = tost(difference, se, 119, margin)
    assert found.p == pytest.approx(known, rel=1e-9)
    low, high = stats.t.interval(0.9, 119, loc=difference, scale=se)
    assert found.ci90 == pytest.approx((low, high), rel=1e-9)
    assert found.equivalent == (-margin < low and high < margin)


@given(st.floats(-1, 1), st.floats(0.001, 1), st.integers(1, 500), st.floats(0.001, 1))
def test_the_verdict_is_that_of_the_interval_and_symmetric(
    difference: float, se: float, df: int, margin: float
) -> None:
    found = tost(difference, se, df, margin)
    assert found.p == tost(-difference, se, df, margin).p
    assert found.ci90 is not None
    # at the very edge rounding may decide either way
    edge = min(abs(found.ci90[0] + margin), abs(found.ci90[1] - margin))
    if edge > 1e-9:
        assert found.equivalent == (-margin < found.ci90[0] and found.ci90[1] < margin)


def test_a_wider_margin_is_easier_to_keep() -> None:
    found = [tost(0.01, 0.01, 50, margin).p for margin in (0.01, 0.02, 0.04, 0.08)]
    assert found == sorted(found, key=lambda p: -(p or 0))
    assert found[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("difference", "se", "df"), [(None, None, 0), (0.1, None, 0), (0.0, 0.0, 99), (0.3, 1e-17, 99), (0.1, 0.05, 0)]
)
def test_without_rows_or_spread_nothing_is_told(difference: float | None, se: float | None, df: int) -> None:
    assert tost(difference, se, df, 0.02) == UNKNOWN


def test_rows_that_never_differ_show_equivalence_when_there_are_enough_of_them() -> None:
    few, many = tost_without_difference(100, 0.02), tost_without_difference(200, 0.02)
    assert few.equivalent is False
    assert many.equivalent is True
    assert many.p == pytest.approx(stats.binomtest(0, 200, 0.02, alternative="less").pvalue, rel=1e-9)
    assert many.ci90 is not None
    exact = stats.binomtest(0, 200, alternative="less").proportion_ci(0.95, method="exact")
    assert many.ci90[1] == pytest.approx(exact.high, rel=1e-9)
    assert tost_without_difference(1, 0.5) == UNKNOWN


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_a_margin_is_above_0(margin: float) -> None:
    with pytest.raises(ValueError, match="not above 0"):
        tost(0.0, 0.1, 10, margin)
