"""Macro averages: the mean of the groups' means, each group with the same weight however many rows it has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import Correction
from pipeline.stats.comparisons import as_list
from pipeline.stats.estimates import mean_of
from pipeline.stats.grouping import NO_GROUP
from pipeline.stats.intervals import NO_SPREAD, Interval, clip
from pipeline.stats.row_means import Codes, RowMeans


def macro_average(
    column: str, units: RowMeans, groups: Codes, metric: Metric, correction: Correction, clusters: Codes | None = None
) -> dict[str, Any]:
    """Average the groups' means; `groups` and `clusters` have those of each row. Rows without a group are left out.

    The groups are all there are, not a sample of some: the standard error is that of rows within groups. Without
    clusters it needs two rows in every group, with them two clusters, and CR1 corrects by the clusters of each group.
    A corpus figure has a mean alone.
    Source: the stratified mean of Cochran 1977, section 5.4, with equal weights; degrees of freedom by Satterthwaite.
    """
    known = groups != NO_GROUP
    units = units.where(known)
    _, codes = np.unique(groups[known], return_inverse=True)
    count = int(codes.max(initial=-1)) + 1
    mean, se, interval = None, None, None
    if metric.corpus is not None:
        figures = [mean_of(units.where(codes == group), metric) for group in range(count)]
        found = [figure for figure in figures if figure is not None]
        mean = float(np.mean(found)) if found else None
    elif count:
        mean, se, interval = _stratified(units.means, codes, None if clusters is None else clusters[known], correction)
    if interval is not None and metric.scale == "share":
        interval = clip(interval, 0.0, 1.0)
    return {"column": column, "groups": count, "mean": mean, "se": se, "ci95": as_list(interval)}


_Figures = tuple[float, float | None, Interval | None]


def _stratified(
    values: NDArray[np.float64], codes: NDArray[np.int64], clusters: Codes | None, correction: Correction
) -> _Figures:
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=values) / sizes
    mean = float(means.mean())
    if clusters is None:
        return mean, *_by_rows(mean, np.square(values - means[codes]), codes, sizes)
    _, of_cluster = np.unique(clusters, return_inverse=True)
    touched = np.bincount(np.unique(codes * values.size + of_cluster) // values.size)
    if touched.min() < 2:
        return mean, None, None
    factors = touched / (touched - 1) if correction == "CR1" else np.ones(touched.size)
    influence = (values - means[codes]) * (np.sqrt(factors) / sizes / sizes.size)[codes]
    by_cluster = np.bincount(of_cluster, weights=influence)
    se = float(np.sqrt(np.square(by_cluster).sum()))
    return mean, se, _interval(mean, se, min(int((touched - 1).sum()), by_cluster.size - 1))


def _by_rows(
    mean: float, squares: NDArray[np.float64], codes: NDArray[np.int64], sizes: NDArray[np.int64]
) -> tuple[float | None, Interval | None]:
    """Standard error and interval of independent rows; unknown where a group has only one."""
    if sizes.min() < 2:
        return None, None
    parts = np.bincount(codes, weights=squares) / (sizes - 1) / sizes / sizes.size**2
    variance = float(parts.sum())
    if variance <= 0:
        return 0.0, None
    degrees = variance**2 / float((parts**2 / (sizes - 1)).sum())
    return variance**0.5, _interval(mean, variance**0.5, degrees)


def _interval(mean: float, se: float, degrees: float) -> Interval | None:
    if se <= NO_SPREAD * abs(mean):
        return None
    from scipy import special

    half = se * float(special.stdtrit(degrees, 0.975))
    return mean - half, mean + half
