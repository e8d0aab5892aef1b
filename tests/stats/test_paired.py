"""Paired comparisons against recorded data, statsmodels and scipy."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from pipeline.stats.intervals import mean_se
from pipeline.stats.paired import compare, compare_arrays, mcnemar_exact

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@pytest.fixture(scope="module")
def gsm8k(shared: Path) -> dict[str, dict[int, float]]:
    lines = (shared / "datasets/gsm8k/example_model_solutions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {model: {n: float(row[model]["is_correct"]) for n, row in enumerate(rows)} for model in MODELS}


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((shared / "datasets/expected.json").read_text("utf-8"))["gsm8k"]
    return data


def test_accuracy_and_standard_error_match_the_recorded_ones(
    gsm8k: dict[str, dict[int, float]], expected: dict[str, Any]
) -> None:
    for model in MODELS:
        known = expected["models"][model]
        mean, se = mean_se(list(gsm8k[model].values()))
        assert mean == pytest.approx(known["accuracy"], rel=1e-12)
        assert se == pytest.approx(known["se"], rel=1e-12)


def test_pairs_match_the_recorded_comparisons(gsm8k: dict[str, dict[int, float]], expected: dict[str, Any]) -> None:
    assert len(expected["pairs"]) == 6
    for pair, known in expected["pairs"].items():
        a, b = pair.split("->")
        found = compare(gsm8k[a], gsm8k[b], pass_fail=True)
        assert (found.n, found.gained, found.lost) == (1319, known["gained"], known["lost"])
        assert found.difference == pytest.approx(known["diff"], rel=1e-12)
        assert found.se == pytest.approx(known["se"], rel=1e-12)
        assert found.p == pytest.approx(known["mcnemar_exact_p"], rel=1e-12)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (3, 3), (0, 5), (152, 209), (499, 43), (1000, 1200), (1, 900)])
def test_mcnemar_is_the_exact_binomial_tail(gained: int, lost: int) -> None:
    n, fewer = gained + lost, min(gained, lost)
    exact = min(Fraction(1), Fraction(2 * sum(comb(n, k) for k in range(fewer + 1)), 2**n))
    assert mcnemar_exact(gained, lost) == pytest.approx(float(exact), rel=1e-12, abs=0)


def test_mcnemar_agrees_with_statsmodels() -> None:
    assert mcnemar_exact(12, 5) == pytest.approx(mcnemar([[30, 12], [5, 40]], exact=True).pvalue, rel=1e-12)


def test_graded_values_take_the_paired_t_test() -> None:
    draw = random.Random(3)
    a = {row: draw.random() for row in range(40)}
    b = {row: min(1.0, a[row] + draw.gauss(0.1, 0.2)) for row in range(40)}
    found = compare(a, b, pass_fail=False)
    scipy_found = stats.ttest_rel(list(b.values()), list(a.values()))
    assert found.test == "paired_t"
    assert found.p == pytest.approx(scipy_found.pvalue, rel=1e-9)
    assert found.ci95 == pytest.approx(tuple(scipy_found.confidence_interval()), rel=1e-9)


def test_only_common_rows_are_compared() -> None:
    found = compare({"x": 0.0, "y": 1.0, "only a": 1.0}, {"only b": 0.0, "x": 1.0, "y": 1.0}, pass_fail=True)
    assert (found.n, found.difference, found.gained, found.lost, found.p) == (2, 0.5, 1, 0, 1.0)


def test_rows_that_either_has_not_scored_are_left_out() -> None:
    a, b = np.array([0.0, 1.0, np.nan, 0.0]), np.array([1.0, 1.0, 1.0, np.nan])
    assert compare_arrays(a, b, pass_fail=True) == compare_arrays(a[:2], b[:2], pass_fail=True)


def test_a_difference_of_four_standard_errors_is_detectable_and_the_bound_is_2_8() -> None:
    values = {row: float(row % 2) for row in range(100)}
    found = compare(values, dict.fromkeys(range(100), 1.0), pass_fail=True)
    assert found.se is not None
    assert found.smallest_detectable == pytest.approx(2.8016 * found.se, rel=1e-4)


@pytest.mark.parametrize("n", [0, 1])
def test_one_common_row_shows_nothing(n: int) -> None:
    found = compare(dict.fromkeys(range(n), 0.25), dict.fromkeys(range(n), 0.75), pass_fail=False)
    assert (found.se, found.ci95, found.p, found.smallest_detectable) == (None, None, None, None)
    assert found.difference == (None if n == 0 else 0.5)


def test_no_rows_at_all_have_no_p() -> None:
    assert compare({}, {"x": 1.0}, pass_fail=True).p is None


def test_equal_models_differ_by_nothing_and_claim_no_interval() -> None:
    values = {row: float(row % 3 == 0) for row in range(30)}
    found = compare(values, values, pass_fail=True)
    assert (found.difference, found.se, found.ci95, found.p, found.smallest_detectable) == (0.0, 0.0, None, 1.0, None)


def test_a_constant_shift_is_not_a_t_test_with_p_zero() -> None:
    a = {row: row / 10 for row in range(10)}
    found = compare(a, {row: value + 0.1 for row, value in a.items()}, pass_fail=False)
    assert found.p is None
    assert found.ci95 is None


def test_pass_fail_values_between_0_and_1_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        compare({"x": 0.5}, {"x": 1.0}, pass_fail=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_swapping_the_models_mirrors_the_comparison(rows: list[tuple[bool, bool]]) -> None:
    a = {n: float(pair[0]) for n, pair in enumerate(rows)}
    b = {n: float(pair[1]) for n, pair in enumerate(rows)}
    there, back = compare(a, b, pass_fail=True), compare(b, a, pass_fail=True)
    assert there.difference == -(back.difference or 0.0)
    assert (there.gained, there.lost, there.p, there.se) == (back.lost, back.gained, back.p, back.se)


def test_the_paired_p_value_keeps_its_level_when_nothing_differs() -> None:
    draw = np.random.default_rng(5)
    rejected = 0
    for _ in range(400):
        a, b = draw.integers(0, 2, 80), draw.integers(0, 2, 80)
        p = compare(dict(enumerate(a.astype(float))), dict(enumerate(b.astype(float))), pass_fail=True).p
        rejected += p is not None and p < 0.05
    assert rejected <= 30
