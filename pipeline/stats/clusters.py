"""Means of rows that hang together, with standard errors clustered by what binds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.intervals import NO_SPREAD

Correction = Literal["CR0", "CR1"]
Values = Sequence[float] | NDArray[np.float64]
Labels = Sequence[Any] | NDArray[Any]
"""One label per value, numbers or texts; equal labels are one cluster."""


@dataclass(frozen=True, slots=True)
class Clustered:
    """A mean over all values, each with the same weight, and its standard error."""

    mean: float | None
    se: float | None
    """None with fewer than two clusters; exactly 0 where they do not vary but for rounding."""
    clusters: int
    """The units of the standard error: Student's t has this number less one degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn independently: clusters, or the values themselves where there are no clusters."""

    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]
    """Values in each unit."""
    noise: float
    """A sum this close to another is the same but for rounding."""

    @property
    def mean(self) -> float:
        """Mean over all values."""
        return float(self.sums.sum() / self.sizes.sum())

    def residuals(self) -> NDArray[np.float64]:
        """How far each unit's sum is from what the mean over all values gives a unit of its size."""
        return self.sums - self.mean * self.sizes

    @property
    def vary(self) -> bool:
        """Whether there are two units or more and they differ beyond rounding."""
        return self.sums.size > 1 and float(np.abs(self.residuals()).max()) > self.noise

    @property
    def all_zero(self) -> bool:
        """Whether every unit's sum is 0 but for rounding."""
        return bool((np.abs(self.sums) <= self.noise).all())


def units(values: Values, clusters: Labels | None = None) -> Units:
    """Sum the values of each cluster; NaN (not scored) is left out together with its label.

    Values are sorted first, so that no figure depends on the order of rows, not even in its last digit.
    Raises ValueError for infinite values and for labels that are not one per value.
    """
    array = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(array)
    if np.isinf(array).any():
        raise ValueError("a value is infinite; a mean of it says nothing")
    noise = NO_SPREAD * float(np.abs(array[known]).max(initial=0.0))
    if clusters is None:
        return Units(sums=np.sort(array[known]), sizes=np.ones(int(known.sum())), noise=noise)
    labels = np.asarray(clusters)
    if labels.shape != array.shape:
        raise ValueError(f"{labels.size} cluster labels for {array.size} values")
    _, codes = np.unique(labels[known], return_inverse=True)
    order = np.lexsort((array[known], codes))
    sums = np.bincount(codes[order], weights=array[known][order])
    sizes = np.bincount(codes).astype(np.float64)
    return Units(sums=sums.astype(np.float64), sizes=sizes, noise=noise * float(sizes.max(initial=0.0)))


def clustered_mean(values: Values, clusters: Labels, correction: Correction = "CR1") -> Clustered:
    """Mean with the cluster-robust standard error; NaN is left out.

    CR1 multiplies the variance by G / (G - 1) for G clusters; CR0 does not, and is too small with few of them. With
    one value per cluster CR1 is the plain standard error. The interval is `intervals.t_interval(mean, se, clusters)`.
    Source: Liang and Zeger 1986; Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference",
    section II; Miller 2024, "Adding Error Bars to Evals", section 2.2.
    """
    if correction not in ("CR0", "CR1"):
        raise ValueError(f'correction "{correction}" is neither CR0 nor CR1')
    found = units(values, clusters)
    groups = found.sums.size
    if not groups:
        return Clustered(mean=None, se=None, clusters=0)
    if groups < 2:
        return Clustered(mean=found.mean, se=None, clusters=groups)
    if not found.vary:
        return Clustered(mean=found.mean, se=0.0, clusters=groups)
    factor = groups / (groups - 1) if correction == "CR1" else 1.0
    variance = factor * float(np.square(found.residuals()).sum()) / float(found.sizes.sum()) ** 2
    return Clustered(mean=found.mean, se=variance**0.5, clusters=groups)
