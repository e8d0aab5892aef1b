"""Several answers to the same row: pass@k, pass^k, majority@k, and how consistent the answers are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Array:
    """Chance that at least one of `k` answers passes, per row, from `c` passes among `n` answers; NaN where n < k.

    1 - C(n - c, k) / C(n, k), which is unbiased where 1 - (1 - c/n)^k is not.
    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1.
    """
    answers, passed = _counts(n, c)
    return 1 - _share_of_draws(answers - passed, answers, k)


def pass_all_k(n: ArrayLike, c: ArrayLike, k: int) -> Array:
    """Chance that all of `k` answers pass (pass^k), per row: C(c, k) / C(n, k), unbiased; NaN where n < k.

    Source: Yao et al. 2024, "τ-bench: A Benchmark for Tool-Agent-User Interaction in Real-World Domains".
    """
    answers, passed = _counts(n, c)
    return _share_of_draws(passed, answers, k)


def majority_at_k(labels: Sequence[Any], values: Sequence[float], k: int) -> float | None:
    """Expected value of the most frequent label among `k` of a row's answers; None with fewer than `k`.

    Exact over all choices of k answers; a tie takes each of its labels with the same chance. A label is worth the mean
    value of its answers. An answer without a label (None) does not vote, and where none of the k votes the value is 0.
    Source: Wang et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning".
    """
    _check_k(k)
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels for {len(values)} values")
    if len(labels) < k:
        return None
    worth: defaultdict[Any, list[float]] = defaultdict(list)
    for label, value in zip(labels, values, strict=True):
        if label is not None:
            worth[label].append(value)
    # sorted, so that the same counts are the same key and the order of answers does not matter
    ranked = sorted((len(found), sum(found) / len(found)) for found in worth.values())
    chances = _win_chances(tuple(count for count, _ in ranked), len(labels), k)
    return float(sum(chance * mean for chance, (_, mean) in zip(chances, ranked, strict=True)))


def consistency(labels: Sequence[Any]) -> float | None:
    """Share of pairs of a row's answers that have the same label; None with fewer than two labels (None is none).

    Source: the agreement P_i of Fleiss 1971 with answers in place of raters.
    """
    counts = Counter(label for label in labels if label is not None)
    n = counts.total()
    if n < 2:
        return None
    return sum(count * (count - 1) for count in counts.values()) / (n * (n - 1))


def _counts(n: ArrayLike, c: ArrayLike) -> tuple[Array, Array]:
    answers, passed = np.asarray(n, dtype=np.float64), np.asarray(c, dtype=np.float64)
    if not ((passed >= 0) & (passed <= answers)).all():
        raise ValueError("a row has more passes than answers, or fewer than none")
    return answers, passed


def _share_of_draws(kind: Array, answers: Array, k: int) -> Array:
    """C(kind, k) / C(answers, k): the share of draws of k answers that are all of a kind; NaN where too few answers."""
    _check_k(k)
    kind, answers = np.broadcast_arrays(kind, answers)
    share = np.ones(kind.shape)
    for drawn in range(k):
        left = np.maximum(kind - drawn, 0)
        share *= np.divide(left, answers - drawn, out=np.full(kind.shape, np.nan), where=answers > drawn)
    return np.where(answers >= k, share, np.nan)


@lru_cache(maxsize=10_000)
def _win_chances(counts: tuple[int, ...], n: int, k: int) -> tuple[float, ...]:
    """Chance of each label, given by its count among `n` answers, to win a vote of `k` of them."""
    if k == n:
        most = max(counts, default=0)
        tied = counts.count(most)
        return tuple(float(count == most) / tied for count in counts)
    from scipy import special

    chances = dict.fromkeys(counts, 0.0)
    for count in chances:
        others = list(counts)
        others.remove(count)
        for votes in range(1, min(count, k) + 1):
            ways = _ways_below(tuple(others), n - sum(counts), votes, k - votes)
            shared = float((ways / np.arange(1, ways.size + 1)).sum())
            chances[count] += float(special.comb(count, votes)) * shared / float(special.comb(n, k))
    return tuple(chances[count] for count in counts)


def _ways_below(others: tuple[int, ...], abstaining: int, votes: int, rest: int) -> Array:
    """Ways to draw the `rest` from the other labels, none above `votes`, by how many of them have exactly `votes`."""
    from scipy import special

    table = np.zeros((len(others) + 1, rest + 1))
    silent = np.arange(min(abstaining, rest) + 1)
    table[0, : silent.size] = special.comb(abstaining, silent)
    for count in others:
        fewer = special.comb(count, np.arange(min(votes, rest + 1)))
        grown = np.apply_along_axis(np.convolve, 1, table, fewer)[:, : rest + 1]
        if votes <= rest:
            grown[1:, votes:] += special.comb(count, votes) * table[:-1, : rest + 1 - votes]
        table = grown
    return np.asarray(table[:, rest])


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k = {k}: at least one answer must be drawn")
