"""Prediction-powered means: what they equal in the limits, and what they refuse to claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats.clusters import clustered_mean
from pipeline.stats.intervals import mean_se, t_interval
from pipeline.stats.prediction_powered import ppi_mean


def judged(seed: int, n_all: int = 2_000, n: int = 200, right: float = 0.85) -> tuple[np.ndarray, np.ndarray]:
    """Judge's and humans' verdicts; a judge that errs calls a wrong answer right."""
    draw = np.random.default_rng(seed)
    human = (draw.random(n_all) < 0.5).astype(float)
    judge = np.where(draw.random(n_all) < right, human, 1.0)
    return judge, human[:n]


def test_the_estimate_is_the_judges_mean_less_its_error_on_the_labelled_rows() -> None:
    judge, human = judged(0)
    found = ppi_mean(judge, judge[:200], human, tuned=False)
    error = (judge[:200] - human).mean()
    assert error > 0.02
    assert found.estimate == pytest.approx(judge.mean() - error, rel=1e-12)
    assert found.weight == 1.0


def test_the_standard_error_is_that_of_rows_with_and_without_label_taken_apart() -> None:
    judge, human = judged(1)
    found = ppi_mean(judge, judge[:200], human, tuned=False)
    share = 1_800 / 2_000  # the rows that are not labelled
    labelled = np.var(human - share * judge[:200], ddof=1) / 200
    rest = share**2 * np.var(judge, ddof=1) / 1_800
    assert found.se == pytest.approx(np.sqrt(labelled + rest), rel=1e-12)


def test_the_tuned_weight_is_the_one_with_the_least_variance() -> None:
    judge, human = judged(2, right=0.7)
    found = ppi_mean(judge, judge[:200], human)

    def variance(weight: float) -> float:
        used = weight * 0.9
        covariance = np.cov(human, judge[:200])[0, 1]
        spread = np.var(judge, ddof=1)
        return float(-2 * used * covariance / 200 + used**2 * spread * (1 / 200 + 1 / 1_800))

    assert 0.2 < found.weight < 0.95
    assert variance(found.weight) < variance(found.weight + 0.01)
    assert variance(found.weight) < variance(found.weight - 0.01)


def test_a_good_judge_narrows_the_interval_and_a_blind_one_does_not_widen_it() -> None:
    draw = np.random.default_rng(3)
    judge, human = judged(3, right=0.95)
    _, alone = mean_se(human)
    assert alone is not None
    good = ppi_mean(judge, judge[:200], human)
    assert good.se is not None
    assert good.se < 0.7 * alone
    blind = draw.random(2_000)
    tuned, plain = (ppi_mean(blind, blind[:200], human, tuned=tuned) for tuned in (True, False))
    assert tuned.se is not None
    assert plain.se is not None
    assert tuned.se < 1.02 * alone
    assert plain.se > 1.1 * alone


def test_with_all_rows_labelled_it_is_the_plain_mean() -> None:
    judge, human = judged(4, n_all=150, n=150)
    found = ppi_mean(judge, judge, human, tuned=False)
    mean, se = mean_se(human)
    assert (found.estimate, found.se) == pytest.approx((mean, se), rel=1e-12)
    assert found.ci95 == pytest.approx(t_interval(mean, se, 150), rel=1e-12)


def test_rows_that_are_their_own_cluster_change_nothing() -> None:
    judge, human = judged(5)
    plain = ppi_mean(judge, judge[:200], human)
    rows = np.arange(2_000)
    found = ppi_mean(judge, judge[:200], human, clusters=(rows, rows[:200]))
    assert found.estimate == plain.estimate
    assert found.se == pytest.approx(plain.se, rel=0.01)


def test_with_all_rows_labelled_the_clusters_are_those_of_the_clustered_mean() -> None:
    judge, human = judged(6, n_all=150, n=150)
    labels = np.arange(150) // 5
    found = ppi_mean(judge, judge, human, clusters=(labels, labels), tuned=False)
    assert found.se == pytest.approx(clustered_mean(human, labels).se, rel=1e-9)


def test_copies_of_rows_in_their_clusters_add_no_certainty() -> None:
    judge, human = judged(7, n_all=400, n=100)
    once = ppi_mean(judge, judge[:100], human, tuned=False)
    rows = np.repeat(np.arange(400), 4)
    many = ppi_mean(
        np.repeat(judge, 4),
        np.repeat(judge[:100], 4),
        np.repeat(human, 4),
        clusters=(rows, rows[:400]),
        tuned=False,
    )
    assert many.se == pytest.approx(once.se, rel=0.02)


def test_a_judge_that_never_differs_is_not_taken_for_one_that_cannot_err() -> None:
    judge = np.random.default_rng(8).integers(0, 2, 5_000).astype(float)
    found = ppi_mean(judge, judge[:20], judge[:20])
    mean, se = mean_se(judge[:20])
    assert found.weight == 0.0
    assert (found.estimate, found.se) == pytest.approx((mean, se))


@pytest.mark.parametrize("human", [[], [1.0], [1.0, 1.0, 1.0]])
def test_no_interval_from_one_label_or_labels_that_are_all_the_same(human: list[float]) -> None:
    judge = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    found = ppi_mean(judge, [1.0] * len(human), human)
    assert (found.se, found.ci95) == (None, None)
    assert (found.estimate is None) == (not human)


def test_no_interval_from_one_cluster_of_labels() -> None:
    judge = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    found = ppi_mean(judge, judge[:3], [1.0, 1.0, 0.0], clusters=(["a", "a", "a", "b", "c"], ["a", "a", "a"]))
    assert found.estimate is not None
    assert (found.se, found.ci95) == (None, None)


def test_rows_without_verdict_or_label_are_left_out() -> None:
    judge, human = judged(9)
    found = ppi_mean(np.append(judge, np.nan), np.append(judge[:200], [np.nan, 1.0]), np.append(human, [1.0, np.nan]))
    assert found == ppi_mean(judge, judge[:200], human)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1_000), st.booleans())
def test_right_and_wrong_swapped_turn_the_estimate_round(seed: int, tuned: bool) -> None:
    judge, human = judged(seed, n_all=300, n=40)
    there = ppi_mean(judge, judge[:40], human, tuned=tuned)
    back = ppi_mean(1 - judge, 1 - judge[:40], 1 - human, tuned=tuned)
    assert there.estimate == pytest.approx(1 - (back.estimate or 0.0), abs=1e-9)
    assert there.se == pytest.approx(back.se, abs=1e-9)


def test_labelled_rows_that_the_judge_did_not_see_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows are labelled among 1"):
        ppi_mean([1.0], [1.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="1 judged rows against 2 labels"):
        ppi_mean([1.0, 0.0], [1.0], [1.0, 1.0])
