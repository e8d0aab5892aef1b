"""A judge's mean over all rows, corrected by human labels of some of them (prediction-powered inference)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.clusters import Labels, Values
from pipeline.stats.intervals import NO_SPREAD, Interval, t_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """The mean that humans would have given, had they labelled all rows."""

    estimate: float | None
    se: float | None
    ci95: Interval | None
    weight: float
    """How far the judge is used: 1 as in PPI, 0 not at all (the mean of the human labels alone)."""
    n_labelled: int
    n_all: int


def ppi_mean(
    judge_all: Values,
    judge_labelled: Values,
    human_labelled: Values,
    *,
    clusters: tuple[Labels, Labels] | None = None,
    tuned: bool = True,
) -> PredictionPowered:
    """Estimate the human mean over all rows: the judge's mean plus what it errs by on the labelled rows.

    `judge_all` are the judge's values on all rows, the labelled ones among them; those must be drawn at random, or
    the interval says nothing about the rest. `clusters` are the labels of all rows and of the labelled ones. `tuned`
    weighs the judge by how well it follows the humans (PPI++), so that a poor judge does no harm; otherwise the weight
    is 1 (PPI). Where the judge never differs from the humans nothing is known of how it errs: the weight is then 0.
    NaN (not judged, not labelled) is left out. No interval with fewer than two labelled rows (clusters) or no spread.
    Source: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, "Prediction-Powered Inference"; the tuned weight
    Angelopoulos, Duchi and Zrnic 2023, "PPI++"; Student's t in place of the normal distribution, for few labels.
    """
    rows = _Rows.of(judge_all, judge_labelled, human_labelled, clusters)
    n, n_all = rows.human.size, rows.every.size
    if not n:
        return PredictionPowered(None, None, None, weight=0.0, n_labelled=0, n_all=n_all)
    weight = _weight(rows, tuned)
    estimate = float(rows.human.mean() + weight * (rows.every.mean() - rows.judge.mean()))
    units, variance = _variance(rows, weight)
    degrees = units - (1 if tuned and weight else 0)
    largest = float(max(np.abs(rows.human).max(), np.abs(rows.every).max()))
    if variance is None or degrees < 2 or variance**0.5 <= NO_SPREAD * largest:
        return PredictionPowered(estimate, None, None, weight, n, n_all)
    se = variance**0.5
    return PredictionPowered(estimate, se, t_interval(estimate, se, degrees), weight, n, n_all)


@dataclass(frozen=True, slots=True)
class _Rows:
    every: Array
    judge: Array
    human: Array
    every_codes: NDArray[np.int64] | None
    codes: NDArray[np.int64] | None

    @staticmethod
    def of(every: Values, judge: Values, human: Values, clusters: tuple[Labels, Labels] | None) -> _Rows:
        all_rows, judged, labelled = (np.asarray(side, dtype=np.float64) for side in (every, judge, human))
        if judged.shape != labelled.shape:
            raise ValueError(f"{judged.size} judged rows against {labelled.size} labels")
        known, both = ~np.isnan(all_rows), ~(np.isnan(judged) | np.isnan(labelled))
        if known.sum() < both.sum():
            raise ValueError(f"{both.sum()} rows are labelled among {known.sum()}; the judge's rows are to hold them")
        if clusters is None:
            return _Rows(all_rows[known], judged[both], labelled[both], None, None)
        names = (np.asarray(clusters[0])[known], np.asarray(clusters[1])[both])
        _, codes = np.unique(np.concatenate(names), return_inverse=True)
        split = int(known.sum())
        return _Rows(all_rows[known], judged[both], labelled[both], codes[:split], codes[split:])


def _weight(rows: _Rows, tuned: bool) -> float:
    errors = rows.human - rows.judge
    if np.ptp(errors) <= NO_SPREAD * float(np.abs(rows.human).max()):
        return 0.0
    if not tuned:
        return 1.0
    spread = float(rows.every.var(ddof=1)) if rows.every.size > 1 else 0.0
    if rows.human.size < 3 or spread <= NO_SPREAD**2:
        return 0.0
    together = float(((rows.human - rows.human.mean()) * (rows.judge - rows.judge.mean())).sum())
    return min(1.0, max(0.0, together / (rows.human.size - 1) / spread))


def _variance(rows: _Rows, weight: float) -> tuple[int, float | None]:
    """Labelled units, and the estimate's variance from what each row adds to it.

    The judge's mean over all rows holds the labelled ones too; taken apart, the rows that are not labelled weigh
    `weight` times their share, and the labelled ones that much less.
    """
    n, n_all = rows.human.size, rows.every.size
    used = weight * (n_all - n) / n_all
    residuals = rows.human - used * rows.judge
    residuals = (residuals - residuals.mean()) / n
    rest = used / (n_all - n) if n_all > n else 0.0
    if rows.codes is None or rows.every_codes is None:
        if n < 2:
            return n, None
        others = rest**2 * (n_all - n) * float(rows.every.var(ddof=1)) if rest else 0.0
        return n, n / (n - 1) * float(np.square(residuals).sum()) + others
    units = int(np.unique(rows.codes).size)
    if units < 2:
        return units, None
    mean = rows.every.mean()
    sums = np.bincount(rows.every_codes, weights=rest * (rows.every - mean))
    sums += np.bincount(rows.codes, weights=residuals - rest * (rows.judge - mean), minlength=sums.size)
    return units, units / (units - 1) * float(np.square(sums).sum())
