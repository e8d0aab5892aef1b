"""A cell's figures for one metric as summary.json holds them; the row is the unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.comparisons import as_list
from pipeline.stats.estimates import estimate, mean_of
from pipeline.stats.grouping import Groups
from pipeline.stats.macro import macro_average
from pipeline.stats.repeated import answers_of, repeats_entry
from pipeline.stats.row_means import Codes, RowMeans, Sums, row_means


@dataclass(frozen=True, slots=True)
class CellScores:
    """One scorer's verdicts on one cell, job by job."""

    rows: Codes
    value: NDArray[np.float64]
    passed: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    ok: NDArray[np.bool_]
    """Jobs that ended in status ok."""
    sums: Sums | None = None
    labels: NDArray[np.uint64] | None = None

    def means(self) -> RowMeans:
        """One value per row."""
        return row_means(self.rows, self.value, self.sums)


@dataclass(frozen=True, slots=True)
class Groupings:
    """The dataset's columns that statistics use, by row number."""

    clusters: Codes | None = None
    macro: tuple[str, Groups] | None = None
    slices: Mapping[str, Groups] = field(default_factory=dict)


def metric_entry(metric: Metric) -> dict[str, Any]:
    """What a metric is, for readers of the figures."""
    return {name: value for name, value in asdict(metric).items() if name not in ("name", "corpus_options")}


def metric_figures(
    scores: CellScores, units: RowMeans, metric: Metric, how: StatisticsSettings, groupings: Groupings
) -> dict[str, Any]:
    """The figures of one metric on one cell; `units` are the means of its `scores`.

    `n` counts rows (the units of the standard error), `scored` answers, `passed` passed answers. `answered` is the
    figure over status ok alone, given only where the headline counts other answers too.
    """
    clusters = None if groupings.clusters is None else groupings.clusters[units.rows]
    found = estimate(units, metric, how, clusters)
    scored = ~np.isnan(scores.value)
    repeats = None
    if scores.labels is not None and units.repeated:
        answers = answers_of(scores.rows, scores.value, scores.labels)
        repeats = repeats_entry(answers, metric, how, groupings.clusters)
    macro = None
    if groupings.macro is not None:
        column, groups = groupings.macro
        macro = macro_average(column, units, groups.of(units.rows), metric, how.correction, clusters)
    return {
        "mean": found.mean,
        "se": found.se,
        "ci95": as_list(found.ci95),
        "interval": found.interval,
        "n": units.n,
        "clusters": found.clusters,
        "scored": int(scored.sum()),
        "passed": int(scores.passed.sum()) if metric.pass_fail else None,
        "unscored": int(scores.unscored.sum()),
        "answered": _answered(scores, scored, metric),
        "repeats": repeats,
        "macro": macro,
    }


def _answered(scores: CellScores, scored: NDArray[np.bool_], metric: Metric) -> dict[str, Any] | None:
    if not (scored & ~scores.ok).any():
        return None
    sums = None if scores.sums is None else scores.sums[scores.ok]
    units = row_means(scores.rows[scores.ok], scores.value[scores.ok], sums)
    return {"mean": mean_of(units, metric), "n": units.n}


def percentiles(values: NDArray[np.float64], points: tuple[int, ...]) -> dict[str, float | None]:
    """Exact percentiles of the known values, interpolated linearly; None without any."""
    known = values[~np.isnan(values)]
    if not known.size:
        return {f"p{point}": None for point in points}
    found = np.percentile(known, points)
    return {f"p{point}": float(value) for point, value in zip(points, found, strict=True)}
