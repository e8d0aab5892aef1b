"""Rows of one kind against the others: scipy and statsmodels as oracles, and what too few rows do not tell."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as sps

from pipeline.stats.two_samples import clustered_p, fisher_p, welch_p

TABLES = [(3, 10, 40, 60), (0, 5, 30, 90), (7, 7, 300, 900), (12, 30, 12, 30), (450, 1000, 5100, 10_000)]


@pytest.mark.parametrize(("passed", "n", "other", "other_n"), TABLES)
def test_fisher_agrees_with_scipy(passed: int, n: int, other: int, other_n: int) -> None:
    known = sps.fisher_exact([[passed, n - passed], [other, other_n - other]])
    assert fisher_p(passed, n, other, other_n) == pytest.approx(known.pvalue, rel=1e-8)


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.5, 0.1, 12), rng.normal(0.6, 0.4, 50)
    assert welch_p(a, b) == pytest.approx(sps.ttest_ind(a, b, equal_var=False).pvalue, rel=1e-10)


def test_the_clustered_test_has_the_error_of_a_regression_on_the_side() -> None:
    rng = np.random.default_rng(5)
    clusters = rng.integers(0, 25, 300).astype(np.int32)
    inside = rng.random(300) < 0.3
    values = rng.normal(0, 1, 300) + 0.4 * inside + rng.normal(0, 0.5, 25)[clusters]
    fit = sm.OLS(values, sm.add_constant(inside.astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    touched = min(np.unique(clusters[side]).size for side in (inside, ~inside))
    known = 2 * sps.t.sf(abs(fit.tvalues[1]), touched - 1)
    assert clustered_p(values, inside, clusters, "CR0") == pytest.approx(known, rel=1e-9)
    corrected = clustered_p(values, inside, clusters, "CR1")
    assert corrected is not None
    assert corrected > known


def test_a_single_row_or_cluster_on_a_side_tells_nothing() -> None:
    values = np.array([1.0, 0.0, 1.0, 0.5])
    assert welch_p(values[:1], values[1:]) is None
    assert fisher_p(1, 1, 3, 9) is None
    assert clustered_p(values, np.array([True, True, False, False]), np.array([0, 0, 1, 2], np.int32), "CR1") is None


def test_sides_that_do_not_vary_are_equal_or_not_tested() -> None:
    assert welch_p(np.ones(5), np.ones(9)) == 1.0
    assert welch_p(np.ones(5), np.zeros(9)) is None


@pytest.mark.parametrize("kind", ["welch", "fisher", "clustered"])
def test_no_more_than_5_percent_of_equal_slices_seem_different(kind: str) -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(40, dtype=np.int32), 5)
    alarms, draws = 0, 2_000
    for _ in range(draws):
        inside = np.arange(200) < 60
        if kind == "welch":
            p = welch_p(rng.normal(0, 3, 60), rng.normal(0, 1, 140))
        elif kind == "fisher":
            p = fisher_p(int(rng.binomial(60, 0.3)), 60, int(rng.binomial(140, 0.3)), 140)
        else:
            values = rng.normal(0, 1, 200) + rng.normal(0, 1, 40)[clusters]
            p = clustered_p(values, inside, clusters, "CR1")
        alarms += p is not None and p < 0.05
    assert 0.02 <= alarms / draws <= 0.06
