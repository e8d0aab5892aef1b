"""Cells against cells: every pair that differs in one thing, on common rows, adjusted for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.cells import ADJUST, CellKey, Means, cell_entry, pairs
from pipeline.stats.differences import Difference, compare
from pipeline.stats.intervals import Interval
from pipeline.stats.row_means import Codes


def compare_cells(
    cells: Sequence[CellKey],
    means: Means,
    metrics: Sequence[Metric],
    how: StatisticsSettings,
    clusters: Codes | None = None,
) -> list[dict[str, Any]]:
    """Compare the cell pairs that differ in exactly one of model, prompt and params, for each metric.

    The earlier cell is a. Where rows were repeated, pass/fail metrics too are compared by their rows' means.
    """
    found = [
        (metric.name, a, b, compare(means[a, metric.name], means[b, metric.name], metric, how, clusters))
        for metric in metrics
        for a, b in pairs(cells)
    ]
    adjusted = ADJUST[how.adjust]([difference.p for *_, difference in found])
    return [_entry(*comparison, p_adjusted, how) for comparison, p_adjusted in zip(found, adjusted, strict=True)]


def as_list(interval: Interval | None) -> list[float] | None:
    """An interval as JSON has it."""
    return None if interval is None else list(interval)


def _entry(
    name: str, a: CellKey, b: CellKey, found: Difference, p_adjusted: float | None, how: StatisticsSettings
) -> dict[str, Any]:
    return {
        "metric": name,
        "a": cell_entry(a),
        "b": cell_entry(b),
        "n": found.n,
        "clusters": found.clusters,
        "difference": found.difference,
        "se": found.se,
        "ci95": as_list(found.ci95),
        "gained": found.gained,
        "lost": found.lost,
        "p": found.p,
        "p_adjusted": p_adjusted,
        "adjust": how.adjust,
        "test": found.test,
        **({} if found.test != "paired_bootstrap" else {"p_sacrebleu": found.p_sacrebleu}),
        "smallest_detectable": found.smallest_detectable,
    }
