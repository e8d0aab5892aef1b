"""Permutation test of paired differences: which of the two models a row's answers belong to is a coin's matter."""

from __future__ import annotations

import numpy as np

from pipeline.stats.clusters import Labels, Values, units
from pipeline.stats.resampling import Array, Strata, batches, stratify

_EXACT_OUTCOMES = 65_536
_ROUNDING = 1e-12


def paired_p(
    differences: Values, *, clusters: Labels | None = None, resamples: int = 10_000, seed: int = 0
) -> float | None:
    """Two-sided p of a mean difference when the sign of each row (each cluster as a whole) is flipped at random.

    Exact where the flips give at most 65,536 distinct outcomes, as always for pass/fail without clusters, where it is
    McNemar's exact p; otherwise (1 + hits) / (1 + resamples). NaN is left out. None with fewer than two rows
    (clusters); 1 where all differences are 0.
    Source: Fisher 1935; Phipson and Smyth 2010 (+ 1). Clusters as in Cameron, Gelbach and Miller 2008, section III.
    """
    found = units(differences, clusters)
    if found.sums.size < 2:
        return None
    sums = found.sums[np.abs(found.sums) > found.noise]
    if not sums.size:
        return 1.0
    strata = stratify(np.abs(sums), np.ones(sums.size))
    # flips as far from 0 as the observed sum count, whatever rounding does
    bound = abs(float(sums.sum())) - _ROUNDING * float(np.abs(sums).sum())
    if not strata.variances.any() and np.log(strata.counts + 1).sum() <= np.log(_EXACT_OUTCOMES):
        return _exact(strata, bound)
    return _sampled(strata, bound, resamples, seed)


def _exact(strata: Strata, bound: float) -> float:
    """Sum the chances of all outcomes that reach the bound: how many of each stratum keep their sign is binomial."""
    from scipy import special

    sums, logs = np.zeros(1), np.zeros(1)
    for count, size in zip(strata.counts, strata.means, strict=True):
        kept = np.arange(count + 1)
        ways = special.gammaln(count + 1) - special.gammaln(kept + 1) - special.gammaln(count - kept + 1)
        sums = np.add.outer(sums, size * (2 * kept - count)).ravel()
        logs = np.add.outer(logs, ways - count * np.log(2)).ravel()
    return min(1.0, float(np.exp(logs[np.abs(sums) >= bound]).sum()))


def _sampled(strata: Strata, bound: float, resamples: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    rest = float(np.sqrt(strata.counts @ strata.variances))
    hits = 0
    for size in batches(resamples, strata.counts.size):
        kept: Array = rng.binomial(strata.counts, 0.5, size=(size, strata.counts.size)).astype(np.float64)
        sums = (2 * kept - strata.counts) @ strata.means
        if rest:
            sums += rest * rng.standard_normal(size)
        hits += int((np.abs(sums) >= bound).sum())
    return (1 + hits) / (1 + resamples)
