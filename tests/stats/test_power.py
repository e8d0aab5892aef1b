"""Rows and differences against statsmodels' power of the t-test, and against simulation."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from pipeline.stats.paired import compare_arrays
from pipeline.stats.power import pass_fail_sd, power_of_t, rows_needed, smallest_detectable

EFFECTS = [1.5, 0.8, 0.5, 0.2, 0.1, 0.05]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.01, 0.9)])
def test_the_rows_needed_agree_with_statsmodels(effect: float, alpha: float, power: float) -> None:
    known = TTestPower().solve_power(effect_size=effect, alpha=alpha, power=power)
    assert rows_needed(effect, 1.0, alpha, power) == pytest.approx(ceil(known), abs=0 if effect > 0.05 else 2)
    assert rows_needed(-2 * effect, 2.0, alpha, power) == rows_needed(effect, 1.0, alpha, power)


@pytest.mark.parametrize(("effect", "rows"), [(0.5, 5), (0.5, 33), (0.1, 500), (0.02, 20_000)])
def test_power_agrees_with_statsmodels(effect: float, rows: int) -> None:
    assert power_of_t(effect, rows) == pytest.approx(TTestPower().power(effect, rows, 0.05), abs=1e-9)


def test_the_rows_needed_and_the_smallest_detectable_difference_are_inverse() -> None:
    rows = rows_needed(0.02, 0.4)
    assert rows == pytest.approx(3142, abs=1)
    assert smallest_detectable(0.4 / sqrt(rows)) == pytest.approx(0.02, rel=1e-3)
    assert smallest_detectable(1.0) == pytest.approx(2.8016, abs=1e-4)


@settings(deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0.05, 2.0))
def test_smaller_differences_and_wider_spreads_need_more_rows(difference: float, sd: float) -> None:
    assert rows_needed(difference / 2, sd) >= rows_needed(difference, sd)
    assert rows_needed(difference, 2 * sd) >= rows_needed(difference, sd)


def test_the_spread_of_pass_fail_differences_is_that_of_the_table() -> None:
    gained, lost, same = 30, 10, 60
    differences = np.array([1.0] * gained + [-1.0] * lost + [0.0] * same)
    assert pass_fail_sd(0.5, 0.2, discordance=0.4) == pytest.approx(differences.std())
    assert pass_fail_sd(0.5, 0.0) == pytest.approx(sqrt(0.5))


def test_that_many_rows_show_the_difference_in_four_of_five_repetitions() -> None:
    sd = pass_fail_sd(0.6, 0.1, discordance=0.3)
    rows = rows_needed(0.1, sd)
    draw = np.random.default_rng(0)
    gained, lost, _ = draw.multinomial(rows, [0.2, 0.1, 0.7], 2_000).T
    shown = 0
    for more, fewer in zip(gained, lost, strict=True):
        differences = np.zeros(rows)
        differences[:more] = 1
        differences[more : more + fewer] = -1
        p = compare_arrays(np.zeros(rows), differences, pass_fail=False).p
        shown += p is not None and p < 0.05
    assert shown / 2_000 == pytest.approx(0.8, abs=0.03)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="not 0"):
        rows_needed(0.0, 1.0)
    with pytest.raises(ValueError, match="not 0"):
        rows_needed(0.1, 0.0)
    with pytest.raises(ValueError, match="too small"):
        rows_needed(1e-9, 1.0)
    with pytest.raises(ValueError, match=r"0.95 and 1.05"):
        pass_fail_sd(0.95, 0.1)
    with pytest.raises(ValueError, match="discordance"):
        pass_fail_sd(0.5, 0.2, discordance=0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        smallest_detectable(0.1, alpha=0)
