"""Sign flips against scipy and McNemar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.stats.paired import mcnemar_exact
from pipeline.stats.permutation import paired_p


def scipy_p(differences: np.ndarray, resamples: float) -> float:
    return float(
        stats.permutation_test(
            (differences, np.zeros(differences.size)),
            lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples",
            n_resamples=resamples,
            vectorized=True,
            rng=1,
        ).pvalue
    )


@pytest.mark.parametrize("seed", range(4))
def test_few_rows_give_the_exact_p_of_scipy(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.4, 1, 10)
    assert paired_p(differences) == pytest.approx(scipy_p(differences, np.inf), rel=1e-9)


def test_many_rows_give_the_p_of_scipy_up_to_the_draws() -> None:
    differences = np.random.default_rng(5).normal(0.2, 1, 150)
    assert paired_p(differences, resamples=40_000) == pytest.approx(scipy_p(differences, 40_000), abs=0.012)


@pytest.mark.parametrize(("gained", "lost"), [(3, 3), (0, 5), (12, 5), (152, 209), (499, 43)])
def test_pass_fail_rows_give_the_exact_p_of_mcnemar(gained: int, lost: int) -> None:
    differences = [1.0] * gained + [-1.0] * lost + [0.0] * 100
    assert paired_p(differences) == pytest.approx(mcnemar_exact(gained, lost), rel=1e-9)


def test_a_cluster_is_flipped_as_a_whole() -> None:
    differences, labels = [1.0, 1.0, 1.0, -1.0, 1.0, 1.0], ["a", "a", "b", "b", "c", "c"]
    assert paired_p(differences, clusters=labels) == pytest.approx(scipy_p(np.array([2.0, 0.0, 2.0]), np.inf))


@settings(deadline=None)
@given(
    st.lists(st.floats(-10, 10), min_size=2, max_size=8).flatmap(lambda d: st.tuples(st.just(d), st.permutations(d)))
)
def test_order_and_direction_do_not_matter(pair: tuple[list[float], list[float]]) -> None:
    there, back = paired_p(pair[0]), paired_p([-value for value in pair[1]])
    assert there == pytest.approx(back, rel=1e-9)
    assert there is not None
    assert 0 < there <= 1


def test_sampled_flips_are_fixed_by_the_seed_and_never_certain() -> None:
    differences = np.random.default_rng(6).normal(3, 1, 60)
    assert paired_p(differences, resamples=999, seed=1) == pytest.approx(1 / 1000)
    mild = differences - 2.9
    assert paired_p(mild, seed=1) == paired_p(mild[::-1], seed=1)


def test_what_cannot_be_told_is_not_told() -> None:
    assert paired_p([]) is None
    assert paired_p([1.0]) is None
    assert paired_p([1.0, 0.5], clusters=["a", "a"]) is None
    assert paired_p([0.0, 0.0]) == 1.0
    assert paired_p([0.3, 0.3]) == 0.5  # both signs flipped alike, of four ways
    assert paired_p([0.3, 0.3, float("nan")]) == 0.5
