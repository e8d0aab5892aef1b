"""A mean with its standard error and 95 % interval, as the settings ask: plain, clustered, resampled, of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats import bootstrap
from pipeline.stats.clusters import clustered_mean
from pipeline.stats.corpus import corpus_interval, corpus_score
from pipeline.stats.intervals import Interval, clip, mean_se, t_interval, wilson
from pipeline.stats.row_means import Codes, RowMeans

IntervalName = Literal["wilson", "t", "clustered_t", "percentile", "bca"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure of some rows; None is what they cannot tell."""

    mean: float | None
    se: float | None
    ci95: Interval | None
    interval: IntervalName | None
    """How `ci95` was made; None without one."""
    clusters: int | None
    """Clusters with a scored row; None where rows are not clustered."""


def estimate(units: RowMeans, metric: Metric, how: StatisticsSettings, clusters: Codes | None = None) -> Estimate:
    """Estimate a metric from rows; `clusters` has the cluster of each.

    The interval of a pass/fail metric over rows that were asked once is Wilson's, else Student's t over rows or
    clusters, or a bootstrap's. Where pass/fail rows do not vary it is Wilson's over the rows (clusters). A corpus
    figure always takes the percentile bootstrap. Intervals of shares are cut to [0, 1]. None is made from a single row
    or cluster.
    """
    if metric.corpus is not None:
        mean, (se, interval) = corpus_mean(units, metric), _corpus_spread(units, metric, how, clusters)
        name: IntervalName = "percentile"
        trials = 0 if clusters is None else np.unique(clusters).size
    else:
        mean, se, trials = _mean(units, how, clusters)
        name, interval = _interval(units, metric, how, clusters, (mean, se, trials))
    if interval is not None and metric.scale == "share":
        interval = clip(interval, 0.0, 1.0)
    return Estimate(
        mean=mean,
        se=se,
        ci95=interval,
        interval=None if interval is None else name,
        clusters=None if clusters is None else trials,
    )


def mean_of(units: RowMeans, metric: Metric) -> float | None:
    """The figure alone: the mean over rows, or the corpus figure of their sums; None without rows."""
    return mean_se(units.means)[0] if metric.corpus is None else corpus_mean(units, metric)


def corpus_mean(units: RowMeans, metric: Metric) -> float | None:
    """The corpus figure of the rows' summed statistics."""
    if metric.corpus is None or units.sums is None or not units.n:
        return None
    return float(corpus_score(metric.corpus, units.sums.sum(axis=0, dtype=np.float64), metric.corpus_options))


_Mean = tuple[float | None, float | None, int]
"""Mean, standard error, and the number of independent observations."""


def _mean(units: RowMeans, how: StatisticsSettings, clusters: Codes | None) -> _Mean:
    if clusters is None:
        return *mean_se(units.means), units.n
    found = clustered_mean(units.means, clusters, how.correction)
    return found.mean, found.se, found.clusters


def _interval(
    units: RowMeans, metric: Metric, how: StatisticsSettings, clusters: Codes | None, figures: _Mean
) -> tuple[IntervalName, Interval | None]:
    mean, se, trials = figures
    if how.interval != "analytic":
        found = bootstrap.interval(
            units.means, clusters=clusters, method=how.interval, resamples=how.resamples, seed=how.seed
        )
        if found is not None or not metric.pass_fail:
            return how.interval, found
    elif not metric.pass_fail or units.repeated or clusters is not None:
        found = t_interval(mean, se, trials)
        if found is not None or not metric.pass_fail:
            return "t" if clusters is None else "clustered_t", found
    return "wilson", None if mean is None else wilson(min(mean * trials, trials), trials)


def _corpus_spread(
    units: RowMeans, metric: Metric, how: StatisticsSettings, clusters: Codes | None
) -> tuple[float | None, Interval | None]:
    if metric.corpus is None or units.sums is None:
        return None, None
    return corpus_interval(
        metric.corpus,
        np.asarray(units.sums, dtype=np.float64),
        metric.corpus_options,
        clusters=clusters,
        resamples=how.resamples,
        seed=how.seed,
    )
