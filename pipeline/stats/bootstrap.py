"""Seeded bootstrap of a mean: percentile and BCa intervals, and the p of a paired difference."""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np

from pipeline.stats.clusters import Labels, Units, Values, units
from pipeline.stats.intervals import Interval
from pipeline.stats.resampling import MAX_STRATA, Array, Strata, batches, stratify

Method = Literal["percentile", "bca"]

_CHEAPER = 10
"""So many units can be drawn one by one in the time that one stratum takes."""


def interval(
    values: Values,
    *,
    clusters: Labels | None = None,
    method: Method = "percentile",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval | None:
    """Bootstrap interval of the mean, resampling values or, where given, whole clusters; NaN is left out.

    None with fewer than two values (clusters), and where they do not vary. Bootstrap intervals of few values are too
    narrow: of normal ones they hold the truth in 90 % of cases with 10, 93 % with 30, 94.5 % with 100 values. The same
    seed gives the same interval, in any order of rows.
    Source: Efron 1979 (percentile); Efron 1987, "Better Bootstrap Confidence Intervals" (BCa), with the jackknife's
    acceleration of Efron and Tibshirani 1993, equation 14.15.
    """
    if method not in ("percentile", "bca"):
        raise ValueError(f'method "{method}" is neither percentile nor bca')
    found = units(values, clusters)
    if not found.vary:
        return None
    means = resampled_means(found, resamples, seed)
    tails = ((1 - level) / 2, (1 + level) / 2)
    if method == "bca":
        adjusted = _bca_tails(found, means, tails)
        if adjusted is None:
            return None
        tails = adjusted
    low, high = np.quantile(means, tails)
    return (float(low), float(high)) if low < high else None


def paired_p(
    differences: Values, *, clusters: Labels | None = None, resamples: int = 10_000, seed: int = 0
) -> float | None:
    """Two-sided p of a mean difference: how often a resampled mean strays from it by as much as it is from 0.

    (1 + hits) / (1 + resamples), so never 0. None with fewer than two rows (clusters), and for differences that are
    all the same but not 0, which no resample can vary; 1 where all are 0. With few rows it is too small: at 5 % it
    raises 9 % of false alarms with 10 rows, 6 % with 30; `permutation.paired_p` keeps its level there.
    Source: Efron and Tibshirani 1993, section 16.4 (the null by shifting); Davison and Hinkley 1997, section 4.2 (+ 1).
    """
    found = units(differences, clusters)
    if found.sums.size < 2:
        return None
    if found.all_zero:
        return 1.0
    if not found.vary:
        return None
    mean = found.mean
    # a resample as far away as the mean itself counts, whatever rounding does
    reached = np.abs(resampled_means(found, resamples, seed) - mean) >= abs(mean) * (1 - 1e-12)
    return float((1 + reached.sum()) / (1 + resamples))


def resampled_means(found: Units, resamples: int, seed: int) -> Array:
    """Means of `resamples` draws, with replacement, of as many units as there are.

    Memory is that of the units and a batch of draws. Up to 20,480 distinct units are drawn exactly; more are drawn by
    bins (see `resampling.Strata`) with the rest of their variance added, so that time does not grow with them.
    """
    strata = stratify(found.residuals(), found.sizes, exact_up_to=_CHEAPER * MAX_STRATA)
    rng = np.random.default_rng(seed)
    if found.sums.size <= _CHEAPER * strata.counts.size and not strata.variances.any():
        parts = [_drawn_one_by_one(strata, rng, size) for size in batches(resamples, found.sums.size)]
    else:
        parts = [_drawn_by_stratum(strata, rng, size) for size in batches(resamples, strata.counts.size)]
    return found.mean + np.concatenate(parts)


def _drawn_one_by_one(strata: Strata, rng: np.random.Generator, size: int) -> Array:
    """How far `size` resampled means stray, unit by unit: quicker where few units are alike."""
    total = int(strata.counts.sum())
    of_unit = np.repeat(np.arange(strata.counts.size), strata.counts)
    drawn = of_unit[rng.integers(total, size=(size, total))]
    return np.asarray(strata.means[drawn].sum(axis=1) / strata.sizes[drawn].sum(axis=1))


def _drawn_by_stratum(strata: Strata, rng: np.random.Generator, size: int) -> Array:
    """How far `size` resampled means stray, by how many units come from each stratum: quicker where many are alike."""
    total = int(strata.counts.sum())
    drawn = rng.multinomial(total, strata.counts / total, size=size).astype(np.float64)
    strayed = drawn @ strata.means
    if strata.variances.any():
        strayed += np.sqrt(drawn @ strata.variances) * rng.standard_normal(size)
    return np.asarray(strayed / (drawn @ strata.sizes))


def _bca_tails(found: Units, means: Array, tails: tuple[float, float]) -> tuple[float, float] | None:
    """Shares of the resampled means between which the BCa interval lies; None where the bias has no finite value."""
    below = float(((means < found.mean).mean() + (means <= found.mean).mean()) / 2)
    if not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(below)
    acceleration = _acceleration(found)

    def adjust(tail: float) -> float:
        z = bias + normal.inv_cdf(tail)
        return normal.cdf(bias + z / (1 - acceleration * z))

    return adjust(tails[0]), adjust(tails[1])


def _acceleration(found: Units) -> float:
    """Skewness of the mean from leaving out one unit at a time."""
    left = (found.sums.sum() - found.sums) / (found.sizes.sum() - found.sizes)
    strayed = left.mean() - left
    largest = float(np.abs(strayed).max())
    if not largest:
        return 0.0
    strayed /= largest
    return float((strayed**3).sum() / (6 * (strayed**2).sum() ** 1.5))
