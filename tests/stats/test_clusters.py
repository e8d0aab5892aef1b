"""Clustered means against statsmodels, and what they refuse to claim."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats import bootstrap, permutation
from pipeline.stats.clusters import Correction, clustered_mean
from pipeline.stats.intervals import mean_se, t_interval

ROWS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(0, 6)), min_size=1, max_size=40)


def rows(seed: int, n: int = 300, clusters: int = 23) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, clusters, n)
    return draw.normal(size=n) + draw.normal(size=clusters)[labels], labels


@pytest.mark.parametrize("correction", ["CR0", "CR1"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_standard_error_and_interval_agree_with_statsmodels(correction: Correction, seed: int) -> None:
    values, labels = rows(seed)
    known = sm.OLS(values, np.ones(values.size)).fit(
        cov_type="cluster", cov_kwds={"groups": labels, "use_correction": correction == "CR1"}, use_t=True
    )
    found = clustered_mean(values, labels, correction)
    assert found.mean == pytest.approx(known.params[0], rel=1e-9)
    assert found.se == pytest.approx(known.bse[0], rel=1e-9)
    assert t_interval(found.mean, found.se, found.clusters) == pytest.approx(tuple(known.conf_int()[0]), rel=1e-9)


def test_rows_that_are_their_own_cluster_give_the_plain_standard_error() -> None:
    values, _ = rows(4)
    found = clustered_mean(values, np.arange(values.size))
    assert (found.mean, found.se) == pytest.approx(mean_se(values), rel=1e-12)


def test_copies_of_a_row_in_its_cluster_add_no_certainty() -> None:
    values, _ = rows(5, n=40)
    once = clustered_mean(values, np.arange(40))
    five_times = clustered_mean(np.repeat(values, 5), np.repeat(np.arange(40), 5))
    assert five_times.se == pytest.approx(once.se, rel=1e-12)
    assert five_times.clusters == 40


@settings(deadline=None)
@given(ROWS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_rows_and_the_names_of_clusters_do_not_matter(
    pair: tuple[list[tuple[float, int]], list[tuple[float, int]]],
) -> None:
    first, second = pair
    there = clustered_mean([value for value, _ in first], [label for _, label in first])
    back = clustered_mean([value for value, _ in second], [f"passage {label}" for _, label in second])
    assert there == back


def test_values_that_were_not_scored_are_left_out_with_their_cluster() -> None:
    found = clustered_mean([1.0, 0.0, np.nan, np.nan], ["a", "b", "b", "c"])
    assert found == clustered_mean([1.0, 0.0], ["a", "b"])


def test_one_cluster_has_a_mean_and_no_standard_error() -> None:
    found = clustered_mean([1.0, 0.0, 1.0], ["a", "a", "a"])
    assert (found.mean, found.se, found.clusters) == (2 / 3, None, 1)
    assert t_interval(found.mean, found.se, found.clusters) is None


def test_nothing_has_no_mean() -> None:
    found = clustered_mean([], [])
    assert (found.mean, found.se, found.clusters) == (None, None, 0)


def test_clusters_with_equal_means_give_no_interval() -> None:
    found = clustered_mean([0.1, 0.7, 0.7, 0.1], ["a", "a", "b", "b"])
    assert t_interval(found.mean, found.se, found.clusters) is None


def test_sums_that_differ_by_rounding_alone_do_not_vary() -> None:
    values, labels = [0.1, 0.2, -0.3, 0.7, -0.7, 0.4, -0.4], ["a", "a", "a", "b", "b", "c", "c"]
    assert 0.1 + 0.2 - 0.3 != 0
    found = clustered_mean(values, labels)
    assert found.se == 0.0
    assert t_interval(found.mean, found.se, found.clusters) is None
    assert bootstrap.interval(values, clusters=labels) is None
    assert bootstrap.paired_p(values, clusters=labels) == 1.0
    assert permutation.paired_p(values, clusters=labels) == 1.0


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cluster labels for 1 values"):
        clustered_mean([1.0], ["a", "b"])
    with pytest.raises(ValueError, match="infinite"):
        clustered_mean([np.inf, 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="neither CR0 nor CR1"):
        clustered_mean([1.0, 2.0], ["a", "b"], "CR2")  # type: ignore[arg-type]
