"""Histograms: every value in one bin, edges that are round, quantiles as numpy has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.stats.histograms import MOST_BINS, Scale, quantiles, shared_scale

Values = NDArray[np.float64]
NUMBERS = st.lists(
    st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e300, max_value=1e300), min_size=1
)
COUNTS = st.lists(st.integers(0, 10_000_000), min_size=1)


def counted(scale: Scale, values: Values) -> list[int]:
    return np.bincount(scale.bin_of(values), minlength=scale.bins + 1).tolist()


def scale_of(values: Values, *, whole: bool = False, few: bool = False, log: bool = True) -> Scale:
    found = shared_scale(values, whole=whole, few=few, log=log)
    assert found is not None
    return found


@given(NUMBERS)
def test_every_value_is_in_one_bin_as_numpy_counts_them(numbers: list[float]) -> None:
    values = np.array(numbers)
    scale = scale_of(values)
    assert (np.diff(scale.edges) > 0).all()
    assert scale.bins <= MOST_BINS
    assert counted(scale, values)[:-1] == np.histogram(values, scale.edges)[0].tolist()
    assert sum(counted(scale, values)[:-1]) == len(numbers)


@given(COUNTS)
def test_edges_of_whole_numbers_are_whole(numbers: list[int]) -> None:
    values = np.array(numbers, dtype=np.float64)
    scale = scale_of(values, whole=True)
    assert all(edge.is_integer() for edge in scale.edges.tolist())
    assert sum(counted(scale, values)[:-1]) == len(numbers)


def test_edges_are_round_and_many_values_have_up_to_forty_bins() -> None:
    edges = scale_of(np.linspace(0.013, 0.987, 5_000)).edges
    assert edges.tolist() == [round(0.025 * number, 12) for number in range(41)]
    assert scale_of(np.arange(100, 200.0), whole=True).edges.tolist() == [*range(100, 201, 10)]


def test_few_values_have_few_bins() -> None:
    assert scale_of(np.array([3.0, 8.0, 21.0])).bins <= 5


def test_a_single_value_has_a_bin() -> None:
    scale = scale_of(np.array([250.0]), whole=True)
    assert scale.edges[0] <= 250 <= scale.edges[-1]
    assert sum(counted(scale, np.array([250.0]))) == 1


def test_values_that_lie_far_apart_are_on_a_logarithmic_scale() -> None:
    values = np.exp(np.random.default_rng(5).normal(5, 2, 2_000))
    scale = scale_of(values)
    assert scale.log
    ratios = scale.edges[1:] / scale.edges[:-1]
    assert ratios.max() / ratios.min() < 1.35  # R10 and R5 are rounded
    assert {1.0, 10.0, 100.0, 1000.0} <= set(scale.edges.tolist())
    assert not scale_of(values, log=False).log


def test_a_zero_has_its_bin_on_a_logarithmic_scale() -> None:
    values = np.array([0.0] * 3 + [1, 10, 100, 1_000, 10_000, 100_000] * 20)
    scale = scale_of(values, whole=True)
    assert scale.log
    assert scale.edges[:2].tolist() == [0, 1]
    assert counted(scale, values)[0] == 3


def test_few_distinct_values_have_a_bar_each_and_many_have_not() -> None:
    marks = np.array([1, 5, 3, 3, np.nan, 2.5])
    scale = scale_of(marks, few=True)
    assert scale.entry(np.array(counted(scale, marks)[:-1])) == {"values": [1, 2.5, 3, 5], "counts": [1, 1, 2, 1]}
    assert counted(scale, marks)[-1] == 1
    late = np.concatenate([np.zeros(20_000), np.arange(13)])
    assert scale_of(late, few=True).values is None
    assert scale_of(late[:-1], few=True).bins == 12


def test_unknown_values_are_in_no_bin() -> None:
    values = np.array([np.nan, 1.0, 2.0, np.nan])
    assert counted(scale_of(values), values)[-1] == 2


def test_nothing_known_has_no_scale_and_no_quantiles() -> None:
    assert shared_scale(np.array([np.nan])) is None
    assert set(quantiles(np.array([np.nan])).values()) == {None}


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_quantiles_are_numpys(size: int) -> None:
    values = np.random.default_rng(size).lognormal(size=size)
    found = quantiles(np.append(values, np.nan))
    assert [found[f"p{q}"] for q in (5, 25, 50, 75, 95, 99)] == pytest.approx(
        np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95, 0.99]).tolist()
    )
    assert found["max"] == values.max()
