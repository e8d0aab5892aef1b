"""How often intervals hold the truth and tests raise false alarms, over repeated draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from pipeline.stats import bootstrap, permutation
from pipeline.stats.bradley_terry import fit
from pipeline.stats.clusters import Correction, clustered_mean
from pipeline.stats.corpus import corpus_paired
from pipeline.stats.equivalence import tost
from pipeline.stats.intervals import Interval, clopper_pearson, mean_se, t_interval, wilson
from pipeline.stats.paired import mcnemar_exact
from pipeline.stats.prediction_powered import ppi_mean

DRAWS = 10_000


def coverage(intervals: Iterable[tuple[Interval | None, float]]) -> float:
    """Share of intervals that hold the truth; None holds nothing."""
    held = [found is not None and found[0] <= truth <= found[1] for found, truth in intervals]
    assert len(held) >= 1_000
    return sum(held) / len(held)


def rejected(pvalues: Iterable[float | None]) -> float:
    found = [p is not None and p < 0.05 for p in pvalues]
    assert len(found) >= 1_000
    return sum(found) / len(found)


def test_students_t_holds_the_mean_of_normal_values() -> None:
    values = np.random.default_rng(0).normal(3, 2, (DRAWS, 8))
    assert coverage((t_interval(*mean_se(row), 8), 3.0) for row in values) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("n", [10, 30, 200])
def test_wilson_holds_the_rate_on_average_over_rates_and_clopper_pearson_at_least(n: int) -> None:
    draw = np.random.default_rng(n)
    rates = draw.random(DRAWS)
    passed = draw.binomial(n, rates).tolist()
    known = {count: (wilson(count, n), clopper_pearson(count, n)) for count in set(passed)}
    pairs = list(zip(passed, rates.tolist(), strict=True))
    assert coverage((known[count][0], rate) for count, rate in pairs) == pytest.approx(0.95, abs=0.01)
    assert coverage((known[count][1], rate) for count, rate in pairs) >= 0.95


def clustered_draws(clusters: int, correction: Correction) -> float:
    draw = np.random.default_rng(clusters)
    labels = np.repeat(np.arange(clusters), 4)

    def intervals() -> Iterable[tuple[Interval | None, float]]:
        for _ in range(DRAWS):
            values = draw.normal(size=clusters)[labels] + draw.normal(size=labels.size)
            found = clustered_mean(values, labels, correction)
            yield t_interval(found.mean, found.se, found.clusters), 0.0

    return coverage(intervals())


def test_clustered_t_holds_the_mean_of_rows_that_hang_together() -> None:
    assert clustered_draws(30, "CR1") == pytest.approx(0.95, abs=0.01)


@pytest.mark.slow
def test_cr0_is_too_narrow_with_few_clusters_and_cr1_is_not() -> None:
    assert clustered_draws(6, "CR1") == pytest.approx(0.95, abs=0.01)
    assert clustered_draws(6, "CR0") < 0.94


def bootstrap_draws(method: bootstrap.Method, n: int, draws: int) -> float:
    values = np.random.default_rng(n).normal(size=(draws, n))
    return coverage(
        (bootstrap.interval(row, method=method, resamples=500, seed=seed), 0.0) for seed, row in enumerate(values)
    )


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_bootstrap_is_too_narrow_for_few_rows_as_the_documents_say(method: bootstrap.Method) -> None:
    assert bootstrap_draws(method, 10, 2_000) == pytest.approx(0.90, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_bootstrap_holds_the_mean_of_many_rows(method: bootstrap.Method) -> None:
    assert bootstrap_draws(method, 150, DRAWS) == pytest.approx(0.945, abs=0.01)


@pytest.mark.parametrize("tuned", [False, True])
def test_a_prediction_powered_interval_holds_the_truth_though_the_judge_is_biased(tuned: bool) -> None:
    draw = np.random.default_rng(7)
    n, n_all, truth = 300, 1_000, 0.6
    raw = []

    def intervals() -> Iterable[tuple[Interval | None, float]]:
        for _ in range(DRAWS // 2):
            human = (draw.random(n_all) < truth).astype(float)
            judge = np.where(draw.random(n_all) < 0.75, human, 1.0)
            raw.append((wilson(judge.sum(), n_all), truth))
            yield ppi_mean(judge, judge[:n], human[:n], tuned=tuned).ci95, truth

    assert coverage(intervals()) == pytest.approx(0.95, abs=0.01)
    assert coverage(raw) < 0.01


def test_equivalence_is_not_found_too_often_at_the_edge_of_the_margin() -> None:
    differences = np.random.default_rng(8).normal(0.1, 0.3, (DRAWS, 60))
    assert rejected(tost(*mean_se(row), 59, 0.1).p for row in differences) == pytest.approx(0.05, abs=0.01)
    noisy = np.random.default_rng(9).normal(0.1, 0.9, (DRAWS, 20))
    assert rejected(tost(*mean_se(row), 19, 0.1).p for row in noisy) < 0.05


@pytest.mark.parametrize(("n", "discordance"), [(50, 0.2), (300, 0.3)])
def test_mcnemar_raises_false_alarms_in_at_most_one_of_twenty(n: int, discordance: float) -> None:
    half = discordance / 2
    tables = np.random.default_rng(n).multinomial(n, [half, half, 1 - discordance], DRAWS).tolist()
    assert rejected(mcnemar_exact(gained, lost) for gained, lost, _ in tables) <= 0.05


@pytest.mark.parametrize(
    ("test", "low", "high"), [(permutation.paired_p, 0.04, 0.06), (bootstrap.paired_p, 0.05, 0.08)]
)
def test_resampled_tests_raise_false_alarms_as_often_as_the_documents_say(
    test: Callable[..., float | None], low: float, high: float
) -> None:
    differences = np.random.default_rng(10).normal(size=(2_500, 30))
    assert low <= rejected(test(row, resamples=499, seed=seed) for seed, row in enumerate(differences)) <= high


def test_the_two_sided_p_of_corpus_figures_keeps_its_level_and_sacrebleus_does_not() -> None:
    draw = np.random.default_rng(11)
    found = []
    for seed in range(2_000):
        reference = draw.integers(5, 30, 80)
        sides = [np.stack([draw.binomial(reference, 0.4), reference], axis=1).astype(float) for _ in range(2)]
        found.append(corpus_paired("ter", (sides[0], sides[1]), resamples=499, seed=seed))
    assert rejected(one.p for one in found) == pytest.approx(0.055, abs=0.02)
    assert rejected(one.p_sacrebleu for one in found) > 0.08


def test_abilities_lie_within_their_intervals() -> None:
    draw = np.random.default_rng(12)
    truth = np.array([0.0, 0.5, -0.5, 0.2])
    chance = 1 / (1 + np.exp(truth[None, :] - truth[:, None]))

    def intervals() -> Iterable[tuple[Interval | None, float]]:
        for _ in range(2_000):
            wins = np.triu(draw.binomial(60, chance), 1)
            found = fit(wins + np.triu(60 - wins, 1).T)
            difference = found.difference(1, 2)
            assert difference is not None
            value, se = difference
            yield (value - 1.96 * se, value + 1.96 * se), -1.0

    assert coverage(intervals()) == pytest.approx(0.95, abs=0.015)
