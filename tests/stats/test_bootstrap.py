"""The bootstrap against scipy, its determinism, and its memory with a million rows."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.stats.bootstrap import Method, interval, paired_p, resampled_means
from pipeline.stats.clusters import Units, clustered_mean
from pipeline.stats.intervals import mean_se
from pipeline.stats.permutation import paired_p as permutation_p
from pipeline.stats.resampling import MAX_STRATA

METHODS: tuple[Method, ...] = ("percentile", "bca")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [12, 200])
def test_the_interval_agrees_with_scipy_up_to_the_draws(method: Method, n: int) -> None:
    values = np.random.default_rng(n).lognormal(size=n)
    known = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        method="BCa" if method == "bca" else method,
        rng=np.random.default_rng(1),
        batch=2_000,
    )
    found = interval(values, method=method, resamples=40_000, seed=2)
    # the Monte Carlo error of a 2.5 % quantile from 40,000 draws is about 0.03 standard errors
    assert found == pytest.approx(tuple(known.confidence_interval), abs=0.08 * float(known.standard_error))


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_of_shares_agrees_with_scipy(method: Method) -> None:
    values = np.array([1.0] * 30 + [0.0] * 170)
    known = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa" if method == "bca" else method, rng=3, batch=2_000
    )
    found = interval(values, method=method, resamples=20_000, seed=4)
    assert found == pytest.approx(tuple(known.confidence_interval), abs=0.005)  # one row of 200


def test_whole_clusters_are_drawn() -> None:
    draw = np.random.default_rng(6)
    labels = draw.integers(0, 60, 900)
    values = draw.normal(size=60)[labels] + 0.1 * draw.normal(size=900)
    clustered, plain = clustered_mean(values, labels), mean_se(values)
    found = interval(values, clusters=labels)
    assert clustered.se is not None
    assert found is not None
    assert plain[1] is not None
    assert (found[1] - found[0]) / 3.92 == pytest.approx(clustered.se, rel=0.05)
    assert clustered.se > 2 * plain[1]


def test_many_distinct_values_are_drawn_by_bins_without_losing_variance_or_outliers() -> None:
    draw = np.random.default_rng(7)
    for values in (draw.normal(size=21_000), draw.standard_t(1.5, size=21_000)):
        assert values.size > 10 * MAX_STRATA
        known = np.array([values[draw.integers(0, values.size, values.size)].mean() for _ in range(1_500)])
        found = interval(values, resamples=4_000)
        assert found == pytest.approx(tuple(np.quantile(known, (0.025, 0.975))), abs=0.3 * float(known.std()))


def test_units_of_any_size_are_drawn_as_going_through_all_draws_says() -> None:
    sizes, sums = np.array([1.0, 9.0, 2.0, 4.0]), np.array([1.0, 9.0, 4.0, 2.0])
    draws = np.array(list(product(range(4), repeat=4)))
    known = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    found = resampled_means(Units(sums=sums, sizes=sizes, noise=0.0), 40_000, seed=0)
    assert found.mean() == pytest.approx(known.mean(), rel=0.005)
    assert found.std() == pytest.approx(known.std(), rel=0.02)
    assert np.quantile(found, 0.9) == pytest.approx(np.quantile(known, 0.9), rel=0.01)


def test_many_units_of_many_sizes_keep_their_variance() -> None:
    draw = np.random.default_rng(12)
    sizes = draw.integers(1, 1_500, 21_000).astype(float)
    units = Units(sums=sizes * 0.5 + draw.normal(0, 40, sizes.size), sizes=sizes, noise=0.0)
    known = np.sqrt(np.square(units.residuals()).sum()) / sizes.sum()
    assert resampled_means(units, 2_000, seed=0).std() == pytest.approx(known, rel=0.05)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=30)
@given(
    data=st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 5)), min_size=2, max_size=30).flatmap(
        lambda found: st.tuples(st.just(found), st.permutations(found))
    ),
    seed=st.integers(0, 1000),
)
def test_the_seed_fixes_the_interval_whatever_the_order_of_rows(
    method: Method, data: tuple[list[tuple[float, int]], list[tuple[float, int]]], seed: int
) -> None:
    first, second = (
        interval([v for v, _ in rows], clusters=[c for _, c in rows], method=method, resamples=200, seed=seed)
        for rows in data
    )
    assert first == second
    if first is not None:
        values = [v for v, _ in data[0]]
        assert min(values) - 1e-9 <= first[0] < first[1] <= max(values) + 1e-9


def test_another_seed_gives_other_draws() -> None:
    values = np.random.default_rng(8).normal(size=50)
    assert interval(values, seed=1) != interval(values, seed=2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [[], [0.5], [0.1] * 7, [float("nan"), 0.3]])
def test_no_interval_without_two_values_that_differ(method: Method, values: list[float]) -> None:
    assert interval(values, method=method) is None


def test_no_interval_from_one_cluster_or_from_clusters_that_are_alike() -> None:
    assert interval([0.0, 1.0, 1.0], clusters=["a", "a", "a"]) is None
    assert interval([0.0, 1.0, 1.0, 0.0], clusters=["a", "a", "b", "b"]) is None
    assert paired_p([0.0, 1.0], clusters=["a", "a"]) is None


def test_the_p_of_a_difference_agrees_with_the_normal_one_where_rows_are_many() -> None:
    differences = np.random.default_rng(9).normal(0.1, 1, 500)
    t = stats.ttest_1samp(differences, 0).pvalue
    assert 0.001 < t < 0.2
    assert paired_p(differences, resamples=20_000) == pytest.approx(t, abs=0.008)


def test_p_is_symmetric_in_the_sides_and_never_zero() -> None:
    differences = np.random.default_rng(10).normal(5, 1, 40)
    assert paired_p(differences, resamples=999) == pytest.approx(1 / 1000)
    mild = differences - 4.9
    assert paired_p(mild, resamples=20_000) == pytest.approx(paired_p(-mild, resamples=20_000), abs=0.015)


def test_p_claims_nothing_without_spread() -> None:
    assert paired_p([0.0, 0.0, 0.0]) == 1.0
    assert paired_p([0.1, 0.1, 0.1]) is None
    assert paired_p([0.5]) is None
    assert paired_p([]) is None


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="neither percentile nor bca"):
        interval([0.0, 1.0], method="studentized")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["shares", "numbers", "clusters"])
def test_a_million_rows_take_little_memory(kind: str) -> None:
    draw = np.random.default_rng(11)
    values = draw.lognormal(size=1_000_000) if kind != "shares" else draw.integers(0, 2, 1_000_000).astype(float)
    clusters = draw.integers(0, 200_000, values.size) if kind == "clusters" else None
    tracemalloc.start()
    found = interval(values, clusters=clusters, resamples=1_000)
    p = permutation_p(values - values.mean(), clusters=clusters, resamples=1_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert p is not None
    assert peak < 300e6
    _, se = mean_se(values)
    assert se is not None
    assert (found[1] - found[0]) / 3.92 == pytest.approx(se, rel=0.15)
