"""Draws shared by bootstrap and permutation: units of like value in strata, so that a million rows cost no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_STRATA = 2048
"""More distinct units than this are put into bins of equal width."""
_BATCH_CELLS = 2_000_000


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


def stratify(values: Array, sizes: Array) -> Strata:
    """Group the units by size and value."""
    distinct_sizes, by_size = np.unique(sizes, return_inverse=True)
    distinct, by_value = np.unique(values, return_inverse=True)
    if distinct.size > MAX_STRATA:
        bins = max(1, MAX_STRATA // distinct_sizes.size)
        width = (distinct[-1] - distinct[0]) / bins
        by_value = np.minimum(((values - distinct[0]) / width).astype(np.int64), bins - 1)
    _, firsts, strata = np.unique(
        by_size.astype(np.int64) * values.size + by_value, return_index=True, return_inverse=True
    )
    counts = np.bincount(strata)
    means = np.bincount(strata, weights=values) / counts
    deviations = np.square(values - means[strata]) if distinct.size > MAX_STRATA else np.zeros(values.size)
    return Strata(counts, sizes[firsts], means, np.bincount(strata, weights=deviations) / counts)


def batches(resamples: int, width: int) -> Iterator[int]:
    """Sizes of batches of resamples such that a batch of `width` numbers each stays within 16 MB."""
    most = max(1, _BATCH_CELLS // max(1, width))
    for start in range(0, resamples, most):
        yield min(most, resamples - start)
