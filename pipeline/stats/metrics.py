"""A cell's figures for one scorer: mean, standard error, interval, counts; the row is the unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.intervals import Interval, mean_se, share_interval, t_interval, wilson


@dataclass(frozen=True, slots=True)
class RowMeans:
    """One value per row, by ascending row number; the mean over repeats where there are several."""

    rows: NDArray[np.int32]
    means: NDArray[np.float64]
    repeated: bool


@dataclass(frozen=True, slots=True)
class CellScores:
    """One scorer's verdicts on one cell, job by job."""

    rows: NDArray[np.int32]
    value: NDArray[np.float64]
    passed: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    ok: NDArray[np.bool_]
    """Jobs that ended in status ok."""


def row_means(rows: NDArray[np.int32], values: NDArray[np.float64]) -> RowMeans:
    """Average the values of each row, leaving NaN out."""
    scored = ~np.isnan(values)
    unique, inverse = np.unique(rows[scored], return_inverse=True)
    counts = np.bincount(inverse, minlength=unique.size)
    sums = np.bincount(inverse, weights=values[scored], minlength=unique.size)
    return RowMeans(rows=unique, means=sums / np.maximum(counts, 1), repeated=bool(counts.max(initial=0) > 1))


def metric(scores: CellScores, pass_fail: bool) -> dict[str, Any]:
    """The figures of one scorer on one cell, as summary.json holds them.

    `n` counts rows (the units of the standard error), `scored` answers, `passed` passed answers. `answered` is the
    figure over status ok alone, given only where the headline counts other answers as wrong.
    """
    units = row_means(scores.rows, scores.value)
    n = units.means.size
    mean, se = mean_se(units.means)
    scored = ~np.isnan(scores.value)
    passed = int(scores.passed.sum())
    interval = _share_interval(units, passed) if pass_fail else t_interval(mean, se, n)
    return {
        "mean": mean,
        "se": se,
        "ci95": None if interval is None else list(interval),
        "n": n,
        "scored": int(scored.sum()),
        "passed": passed if pass_fail else None,
        "unscored": int(scores.unscored.sum()),
        "answered": _answered(scores, scored),
    }


def _share_interval(units: RowMeans, passed: int) -> Interval | None:
    if not units.repeated:
        return wilson(passed, units.means.size)
    return share_interval(*mean_se(units.means), units.means.size)


def _answered(scores: CellScores, scored: NDArray[np.bool_]) -> dict[str, Any] | None:
    if not (scored & ~scores.ok).any():
        return None
    units = row_means(scores.rows[scores.ok], scores.value[scores.ok])
    return {"mean": mean_se(units.means)[0], "n": units.means.size}


def percentiles(values: NDArray[np.float64], points: tuple[int, ...]) -> dict[str, float | None]:
    """Exact percentiles of the known values, interpolated linearly; None without any."""
    known = values[~np.isnan(values)]
    if not known.size:
        return {f"p{point}": None for point in points}
    found = np.percentile(known, points)
    return {f"p{point}": float(value) for point, value in zip(points, found, strict=True)}
