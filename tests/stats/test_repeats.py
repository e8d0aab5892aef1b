"""pass@k, pass^k and majority@k against going through every choice of k answers."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats.repeats import consistency, majority_at_k, pass_all_k, pass_at_k

ANSWERS = st.lists(st.booleans(), min_size=1, max_size=8)
LABELS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8)


@settings(deadline=None)
@given(ANSWERS, st.integers(1, 8))
def test_pass_at_k_and_pass_all_k_are_means_over_every_choice(answers: list[bool], k: int) -> None:
    n, c = len(answers), sum(answers)
    if k > n:
        assert np.isnan(pass_at_k(n, c, k))
        assert np.isnan(pass_all_k(n, c, k))
        return
    choices = list(combinations(answers, k))
    assert float(pass_at_k(n, c, k)) == pytest.approx(mean(any(choice) for choice in choices), abs=1e-12)
    assert float(pass_all_k(n, c, k)) == pytest.approx(mean(all(choice) for choice in choices), abs=1e-12)


def test_the_known_example_of_the_paper_and_large_counts() -> None:
    product = 1 - np.prod(1.0 - 10 / np.arange(200 - 3 + 1, 200 + 1))  # the paper's own numerically stable code
    assert float(pass_at_k(200, 3, 10)) == pytest.approx(float(product), rel=1e-12)
    assert float(pass_at_k(100_000, 50_000, 1)) == pytest.approx(0.5)


def test_rows_are_computed_together() -> None:
    assert pass_at_k([4, 4, 1], [0, 4, 1], 2) == pytest.approx([0.0, 1.0, np.nan], nan_ok=True)


@settings(deadline=None)
@given(ANSWERS.filter(lambda answers: len(answers) > 1))
def test_more_tries_pass_more_often_and_all_pass_less_often(answers: list[bool]) -> None:
    n, c = len(answers), sum(answers)
    for k in range(1, n):
        assert pass_at_k(n, c, k) <= pass_at_k(n, c, k + 1) + 1e-12
        assert pass_all_k(n, c, k) >= pass_all_k(n, c, k + 1) - 1e-12


def winner_value(choice: tuple[tuple[str | None, float], ...], worth: dict[str, float]) -> float:
    votes = Counter(label for label, _ in choice if label is not None)
    best = [label for label in votes if votes[label] == max(votes.values())]
    return mean(worth[label] for label in best) if best else 0.0


@settings(deadline=None)
@given(LABELS, st.integers(1, 8))
def test_majority_at_k_is_the_mean_over_every_choice(labels: list[str | None], k: int) -> None:
    worth = {"a": 1.0, "b": 0.0, "c": 0.25}
    values = [worth.get(label or "", 0.0) for label in labels]
    found = majority_at_k(labels, values, k)
    if k > len(labels):
        assert found is None
        return
    choices = combinations(zip(labels, values, strict=True), k)
    assert found == pytest.approx(mean(winner_value(choice, worth) for choice in choices), abs=1e-12)


def test_a_majority_of_one_is_the_mean_of_the_answers() -> None:
    assert majority_at_k(["x", "y", "y", "z"], [1, 0, 0, 0], 1) == pytest.approx(0.25)
    assert majority_at_k(["x"] * 30 + ["y"] * 20, [1] * 30 + [0] * 20, 49) == pytest.approx(1.0)


@settings(deadline=None)
@given(LABELS.flatmap(lambda labels: st.tuples(st.just(labels), st.permutations(labels))))
def test_the_order_of_answers_does_not_matter(pair: tuple[list[str | None], list[str | None]]) -> None:
    first, second = ([float(label == "a") for label in labels] for labels in pair)
    for k in range(1, len(pair[0]) + 1):
        assert majority_at_k(pair[0], first, k) == majority_at_k(pair[1], second, k)


def test_consistency_is_the_share_of_equal_pairs() -> None:
    assert consistency(["a", "a", "a"]) == 1.0
    assert consistency(["a", "b", "c"]) == 0.0
    assert consistency(["a", "a", "b", None]) == pytest.approx(1 / 3)
    assert consistency(["a", None]) is None
    assert consistency([]) is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="k = 0"):
        pass_at_k(3, 1, 0)
    with pytest.raises(ValueError, match="more passes than answers"):
        pass_all_k(3, 4, 1)
    with pytest.raises(ValueError, match="2 labels for 1 values"):
        majority_at_k(["a", "b"], [1.0], 1)
