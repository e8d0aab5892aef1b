"""Rows of one kind against all others: whether chance explains the difference of their means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.core.settings import Correction
from pipeline.stats.intervals import NO_SPREAD
from pipeline.stats.row_means import Codes

Values = NDArray[np.float64]


def welch_p(a: Values, b: Values) -> float | None:
    """Two-sided p of unequal means by Student's t; None with fewer than two values on a side or without spread.

    Source: Welch 1947, degrees of freedom by Satterthwaite 1946.
    """
    if a.size < 2 or b.size < 2:
        return None
    parts = np.array([side.var(ddof=1) / side.size for side in (a, b)])
    difference, se = float(a.mean() - b.mean()), float(np.sqrt(parts.sum()))
    if se <= NO_SPREAD * float(np.abs(np.concatenate((a, b))).max()):
        return 1.0 if difference == 0 else None
    degrees = parts.sum() ** 2 / (parts**2 / (np.array([a.size, b.size]) - 1)).sum()
    return _t_p(difference / se, float(degrees))


def fisher_p(passed: int, n: int, other_passed: int, other_n: int) -> float | None:
    """Two-sided exact p of unequal shares: the tables that are no more likely than the one that was seen.

    None with fewer than two rows on a side. Source: Fisher 1934; two-sided as R's `fisher.test`.
    """
    if n < 2 or other_n < 2:
        return None
    passes = passed + other_passed
    possible = np.arange(max(0, passes - other_n), min(n, passes) + 1)
    logs = _log_choose(n, possible) + _log_choose(other_n, passes - possible)
    seen = logs[passed - possible[0]]
    weights = np.exp(logs - logs.max())
    as_rare = logs <= seen + 1e-7
    return min(1.0, float(weights[as_rare].sum() / weights.sum()))


def clustered_p(values: Values, inside: NDArray[np.bool_], clusters: Codes, correction: Correction) -> float | None:
    """Two-sided p of unequal means inside and outside, where a cluster may have rows on both sides.

    None unless each side touches two clusters, and without spread. The standard error is the cluster-robust one of a
    regression on the side, CR1 by the clusters of each side; Student's t has the degrees of freedom of the side that
    touches fewer clusters, since that side may carry nearly all of the error.
    Source: Liang and Zeger 1986; Cameron and Miller 2015, sections II and VI.
    """
    size = int(clusters.max(initial=0)) + 1
    sides = (inside, ~inside)
    touched = [int(np.count_nonzero(np.bincount(clusters[side], minlength=size))) for side in sides]
    if min(touched) < 2:
        return None
    here, there = (float(values[side].mean()) for side in sides)
    factors = [groups / (groups - 1) if correction == "CR1" else 1.0 for groups in touched]
    weights = [factor**0.5 / np.count_nonzero(side) for factor, side in zip(factors, sides, strict=True)]
    influence = np.where(inside, (values - here) * weights[0], (there - values) * weights[1])
    se = float(np.sqrt(np.square(np.bincount(clusters, weights=influence, minlength=size)).sum()))
    if se <= NO_SPREAD * float(np.abs(values).max()):
        return 1.0 if here == there else None
    return _t_p((here - there) / se, min(touched) - 1)


def _t_p(t: float, degrees: float) -> float:
    from scipy import special

    return float(2.0 * special.stdtr(degrees, -abs(t)))


def _log_choose(n: int, k: NDArray[np.int64]) -> Values:
    from scipy.special import gammaln

    chosen: Values = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen
