"""Adjusted p-values against statsmodels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pipeline.stats.multiple import benjamini_hochberg, holm

P_VALUES = [[0.2], [0.01, 0.04, 0.03], [0.5, 0.5, 0.001, 0.9], [0.0, 1.0, 0.02, 0.02, 0.3]]


@pytest.mark.parametrize("pvalues", P_VALUES)
def test_holm_agrees_with_statsmodels(pvalues: list[float]) -> None:
    assert holm(pvalues) == pytest.approx(list(multipletests(pvalues, method="holm")[1]), abs=1e-12)


@pytest.mark.parametrize("pvalues", P_VALUES)
def test_benjamini_hochberg_agrees_with_statsmodels(pvalues: list[float]) -> None:
    assert benjamini_hochberg(pvalues) == pytest.approx(list(multipletests(pvalues, method="fdr_bh")[1]), abs=1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_unknown_p_values_are_left_out_of_the_count(adjust: Callable[..., list[float | None]]) -> None:
    assert adjust([0.04, None, 0.01]) == pytest.approx([0.04, None, 0.02])
    assert adjust([None]) == [None]
    assert adjust([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusting_never_lowers_a_p_value_and_holm_is_the_stricter(pvalues: list[float]) -> None:
    strict, lenient = holm(pvalues), benjamini_hochberg(pvalues)
    for p, high, low in zip(pvalues, strict, lenient, strict=True):
        assert high is not None
        assert low is not None
        assert p * (1 - 1e-12) <= low <= high * (1 + 1e-12) <= 1 + 1e-12


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        holm([0.5, float("nan")])
