"""Two cells on their common rows, as the settings ask: difference, interval, test, and what could have been seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats import bootstrap, permutation
from pipeline.stats.clusters import clustered_mean
from pipeline.stats.corpus import corpus_paired
from pipeline.stats.intervals import NO_SPREAD, Interval, clip, t_interval
from pipeline.stats.paired import compare_arrays
from pipeline.stats.power import smallest_detectable
from pipeline.stats.row_means import Codes, RowMeans, common

Test = Literal["mcnemar_exact", "paired_t", "clustered_t", "bootstrap", "permutation", "paired_bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the common rows say of b against a; None is what they cannot tell."""

    n: int
    clusters: int | None
    difference: float | None
    se: float | None
    ci95: Interval | None
    gained: int
    """Rows with a higher value in b."""
    lost: int
    p: float | None
    """Two-sided."""
    p_sacrebleu: float | None = None
    """Of corpus figures: what `sacrebleu --paired-bs` prints; for clear differences half of `p`."""
    test: Test
    smallest_detectable: float | None
    differences: NDArray[np.float64]
    """Of each common row."""


def compare(
    a: RowMeans, b: RowMeans, metric: Metric, how: StatisticsSettings, clusters: Codes | None = None
) -> Difference:
    """Compare b with a on the rows that both have; `clusters` has the cluster of every row by its number.

    The analytic test is exact McNemar for pass/fail rows that were asked once, else the paired t-test, over clusters
    where there are any. A corpus figure takes the paired bootstrap. Intervals of differences of shares are cut to
    [-1, 1].
    """
    a, b = common(a, b)
    mine = None if clusters is None else clusters[a.rows]
    found = _plain(a, b, metric)
    if mine is not None:
        found = _clustered(found, mine, how)
    if metric.corpus is not None:
        return _of_corpus(found, (a, b), metric, how, mine)
    found = _resampled(found, mine, how)
    if found.ci95 is not None and metric.scale == "share":
        found = replace(found, ci95=clip(found.ci95, -1.0, 1.0))
    return found


def _plain(a: RowMeans, b: RowMeans, metric: Metric) -> Difference:
    paired = compare_arrays(a.means, b.means, metric.pass_fail and not (a.repeated or b.repeated))
    return Difference(
        n=paired.n,
        clusters=None,
        difference=paired.difference,
        se=paired.se,
        ci95=paired.ci95,
        gained=paired.gained,
        lost=paired.lost,
        p=paired.p,
        test=paired.test,
        smallest_detectable=paired.smallest_detectable,
        differences=b.means - a.means,
    )


def _clustered(found: Difference, clusters: Codes, how: StatisticsSettings) -> Difference:
    mean = clustered_mean(found.differences, clusters, how.correction)
    varies = mean.se is not None and mean.se > NO_SPREAD * float(np.abs(found.differences).max(initial=0.0))
    return replace(
        found,
        clusters=mean.clusters,
        se=mean.se,
        ci95=t_interval(mean.mean, mean.se, mean.clusters) if varies else None,
        p=_t_p(found.differences, mean.mean, mean.se, mean.clusters) if mean.se is not None else None,
        test="clustered_t",
        smallest_detectable=smallest_detectable(mean.se) if mean.se is not None and varies else None,
    )


def _t_p(differences: NDArray[np.float64], mean: float | None, se: float, clusters: int) -> float | None:
    """Two-sided p by Student's t; 1 where no row differs, None where all clusters differ alike."""
    if not differences.any():
        return 1.0
    if mean is None or se <= NO_SPREAD * float(np.abs(differences).max()):
        return None
    from scipy import special

    return float(2.0 * special.stdtr(clusters - 1, -abs(mean / se)))


def _resampled(found: Difference, clusters: Codes | None, how: StatisticsSettings) -> Difference:
    """Replace what the settings want by resampling."""
    if how.interval != "analytic":
        interval = bootstrap.interval(
            found.differences, clusters=clusters, method=how.interval, resamples=how.resamples, seed=how.seed
        )
        found = replace(found, ci95=interval)
    if how.test == "analytic":
        return found
    test = bootstrap.paired_p if how.test == "bootstrap" else permutation.paired_p
    p = test(found.differences, clusters=clusters, resamples=how.resamples, seed=how.seed)
    return replace(found, p=p, test=how.test)


def _of_corpus(
    found: Difference, pair: tuple[RowMeans, RowMeans], metric: Metric, how: StatisticsSettings, clusters: Codes | None
) -> Difference:
    """The figures of two corpora; `gained` and `lost` stay those of the rows' own values."""
    a, b = pair
    if metric.corpus is None or a.sums is None or b.sums is None:
        raise ValueError(f"the metric {metric.name!r} has no sums to compute its figure from")
    paired = corpus_paired(
        metric.corpus,
        (np.asarray(a.sums, dtype=np.float64), np.asarray(b.sums, dtype=np.float64)),
        metric.corpus_options,
        clusters=clusters,
        resamples=how.resamples,
        seed=how.seed,
    )
    return replace(
        found,
        difference=paired.difference,
        se=paired.se,
        ci95=paired.ci95,
        p=paired.p,
        p_sacrebleu=paired.p_sacrebleu,
        test="paired_bootstrap",
        smallest_detectable=None if paired.se is None else smallest_detectable(paired.se),
    )
