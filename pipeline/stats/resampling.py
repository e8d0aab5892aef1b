"""Draws shared by bootstrap and permutation: units of like value in strata, so that a million rows cost no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.clusters import Labels

Array = NDArray[np.float64]

MAX_STRATA = 2048
"""Bins of equal width, where there are too many distinct units to be drawn by themselves."""
_BATCH_CELLS = 2_000_000
_MOST_DRAWS = 100_000_000


@dataclass(frozen=True, slots=True)
class Strata:
    """Units grouped by size and value: exactly by equal values, or, where those are too many, by bins.

    A resample is then a number of units from each stratum, not a million indices. Within a bin the values differ by
    at most the bin's width; `variances` keeps what they vary, so that a resample's variance stays what it is.
    """

    counts: NDArray[np.int64]
    """Units in each stratum."""
    sizes: Array
    means: Array
    variances: Array
    """Of the values within a stratum; 0 where all are equal."""


def stratify(values: Array, sizes: Array, exact_up_to: int = MAX_STRATA) -> Strata:
    """Group the units by size and value; more distinct values than `exact_up_to` go into at most 2,048 bins."""
    distinct_sizes, by_size = np.unique(sizes, return_inverse=True)
    distinct, by_value = np.unique(values, return_inverse=True)
    binned = distinct.size > exact_up_to
    if binned:
        bins = max(1, MAX_STRATA // distinct_sizes.size)
        width = (distinct[-1] - distinct[0]) / bins
        by_value = np.minimum(((values - distinct[0]) / width).astype(np.int64), bins - 1)
    _, firsts, strata = np.unique(
        by_size.astype(np.int64) * values.size + by_value, return_index=True, return_inverse=True
    )
    counts = np.bincount(strata)
    means = np.bincount(strata, weights=values) / counts
    deviations = np.square(values - means[strata]) if binned else np.zeros(values.size)
    return Strata(counts, sizes[firsts], means, np.bincount(strata, weights=deviations) / counts)


def batches(resamples: int, width: int) -> Iterator[int]:
    """Sizes of batches of resamples such that a batch of `width` numbers each stays within 16 MB."""
    most = max(1, _BATCH_CELLS // max(1, width))
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def resampled_totals(sums: Array, clusters: Labels | None, resamples: int, seed: int) -> Array | None:
    """Totals of rows of counts (resamples by counts), rows or whole clusters drawn with replacement.

    Rows with NaN are left out; None with fewer than two rows (clusters). Where draws times rows exceed a hundred
    million, totals are drawn from the normal distribution with the same means and covariances, to which sums of that
    many rows are as close as makes no difference; time then no longer grows with the rows.
    The draws up to there are those of numpy's `default_rng(seed).choice`, as sacrebleu makes them.
    """
    table = np.atleast_2d(np.asarray(sums, dtype=np.float64))
    known = ~np.isnan(table).any(axis=1)
    rows = table if known.all() else table[known]
    if clusters is not None:
        _, codes = np.unique(np.asarray(clusters)[known], return_inverse=True)
        rows = np.stack([np.bincount(codes, weights=column) for column in rows.T], axis=1)
    if len(rows) < 2:
        return None
    rng = np.random.default_rng(seed)
    if len(rows) > 10_000 and len(rows) * resamples > _MOST_DRAWS:
        total = rows.sum(axis=0)
        covariance = rows.T @ rows - np.outer(total, total) / len(rows)
        drawn = rng.multivariate_normal(total, covariance, size=resamples, method="svd")
        return np.maximum(drawn, 0.0)
    parts = []
    for size in batches(resamples, len(rows)):
        chosen = rng.integers(len(rows), size=(size, len(rows))) + len(rows) * np.arange(size)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=size * len(rows)).reshape(size, len(rows))
        parts.append(counts.astype(np.float64) @ rows)
    return np.concatenate(parts)
