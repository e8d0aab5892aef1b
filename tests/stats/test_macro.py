"""Macro averages: each group the same weight, the error that of the rows within groups."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as sps

from pipeline.core.records import Metric
from pipeline.stats.grouping import NO_GROUP
from pipeline.stats.macro import macro_average
from pipeline.stats.row_means import RowMeans
from tests.support.stats import plain_metric

GRADED = plain_metric("f1", pass_fail=False)


def units(values: list[float] | np.ndarray) -> RowMeans:  # type: ignore[type-arg]
    return RowMeans(rows=np.arange(len(values), dtype=np.int32), means=np.asarray(values, float), repeated=False)


def codes(*groups: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(groups, dtype=np.int32)


def test_each_group_counts_the_same() -> None:
    found = macro_average("subject", units([1, 1, 0, 0, 0, 1]), codes(0, 0, 7, 7, 7, 7), plain_metric("n"), "CR1")
    assert (found["column"], found["groups"], found["mean"]) == ("subject", 2, (1 + 0.25) / 2)
    assert found["se"] == pytest.approx((0.25 / 4) ** 0.5 / 2)
    assert found["ci95"] == pytest.approx([max(0.0, 0.625 - half) if sign < 0 else min(1.0, 0.625 + half)
                                           for sign in (-1, 1) for half in [0.125 * sps.t.ppf(0.975, 3)]])  # fmt: skip


def test_groups_of_one_size_and_spread_have_the_error_of_their_mean() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(0, 1, (8, 20)) + np.arange(8)[:, None]
    found = macro_average("g", units(rows.ravel()), np.repeat(np.arange(8, dtype=np.int32), 20), GRADED, "CR1")
    variances = rows.var(axis=1, ddof=1) / 20
    degrees = variances.sum() ** 2 / (variances**2 / 19).sum()
    assert found["mean"] == pytest.approx(rows.mean())
    assert found["se"] == pytest.approx(np.sqrt(variances.sum()) / 8)
    assert found["ci95"] == pytest.approx(list(sps.t.interval(0.95, degrees, found["mean"], found["se"])))


def test_clusters_within_groups_give_each_groups_clustered_error() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(30, dtype=np.int32), 4)
    groups = (clusters // 10).astype(np.int32)
    values = rng.normal(0, 1, 120) + rng.normal(0, 1, 30)[clusters]
    known = 0.0
    for group in range(3):
        mine = groups == group
        fit = sm.OLS(values[mine], np.ones(40)).fit(cov_type="cluster", cov_kwds={"groups": clusters[mine]})
        known += fit.bse[0] ** 2 / 9
    found = macro_average("g", units(values), groups, GRADED, "CR1", clusters)
    assert found["se"] == pytest.approx(known**0.5, rel=1e-9)
    assert found["ci95"] == pytest.approx(list(sps.t.interval(0.95, 27, found["mean"], found["se"])))


@pytest.mark.parametrize("clusters", [None, codes(0, 1, 2, 2)])
def test_a_group_of_one_row_or_one_cluster_leaves_the_error_unknown(clusters: np.ndarray | None) -> None:  # type: ignore[type-arg]
    groups = codes(0, 0, 1, 1) if clusters is not None else codes(0, 0, 0, 1)
    found = macro_average("g", units([1.0, 0.0, 0.5, 1.0]), groups, GRADED, "CR1", clusters)
    assert found["mean"] is not None
    assert (found["se"], found["ci95"]) == (None, None)


def test_rows_without_a_group_are_left_out_and_no_group_has_no_mean() -> None:
    found = macro_average("g", units([1.0, 0.0, 0.0]), codes(0, 0, NO_GROUP), GRADED, "CR1")
    assert (found["groups"], found["mean"]) == (1, 0.5)
    empty = macro_average("g", units([1.0]), codes(NO_GROUP), GRADED, "CR1")
    assert (empty["groups"], empty["mean"], empty["ci95"]) == (0, None, None)


def test_a_corpus_figure_has_the_mean_of_the_groups_figures() -> None:
    ter = Metric(name="ter", pass_fail=False, corpus="ter", better="lower")
    rows = RowMeans(
        rows=np.arange(3, dtype=np.int32),
        means=np.zeros(3),
        repeated=False,
        sums=np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 10.0]]),
    )
    found = macro_average("g", rows, codes(0, 0, 1), ter, "CR1")
    assert found["mean"] == pytest.approx((20.0 + 50.0) / 2)
    assert found["ci95"] is None


@pytest.mark.parametrize("clustered", [False, True])
def test_the_interval_covers_the_truth_in_95_percent_of_draws(clustered: bool) -> None:
    rng = np.random.default_rng(12)
    sizes = np.array([12, 24, 48]) if not clustered else np.array([40, 60, 80])
    groups = np.repeat(np.arange(3, dtype=np.int32), sizes)
    clusters = (np.arange(groups.size) // 4).astype(np.int32) if clustered else None
    truth, spread = np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 0.5])
    hits, draws = 0, 4_000
    for _ in range(draws):
        values = truth[groups] + spread[groups] * rng.normal(0, 1, groups.size)
        if clusters is not None:
            values += rng.normal(0, 1, groups.size // 4)[clusters]
        low, high = macro_average("g", units(values), groups, GRADED, "CR1", clusters)["ci95"]
        hits += low <= 2.0 <= high
    assert hits / draws == pytest.approx(0.95, abs=0.01)
