"""Models that are to be shown equal within a margin, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.records import Metric
from pipeline.core.settings import EquivalenceSettings, StatisticsSettings
from pipeline.stats.cells import CellKey, Means, cell_entry
from pipeline.stats.comparisons import as_list
from pipeline.stats.differences import Difference, compare
from pipeline.stats.equivalence import Equivalence, tost, tost_without_difference
from pipeline.stats.row_means import Codes


def equivalences(
    cells: Sequence[CellKey], means: Means, metrics: Sequence[Metric], how: StatisticsSettings, clusters: Codes | None
) -> list[dict[str, Any]]:
    """Test each pair of models that the settings name, on every prompt and combination of the grid that both have."""
    by_name = {metric.name: metric for metric in metrics}
    return [
        _entry(
            pair,
            by_name[name],
            (cell, other),
            compare(means[cell, name], means[other, name], by_name[name], how, clusters),
        )
        for pair in how.equivalence
        if (name := _metric_name(pair, metrics)) in by_name
        for cell in cells
        if cell[0] == pair.a and (other := (pair.b, *cell[1:])) in cells
    ]


def _metric_name(pair: EquivalenceSettings, metrics: Sequence[Metric]) -> str | None:
    return pair.metric or next((metric.name for metric in metrics), None)


def _entry(
    pair: EquivalenceSettings, metric: Metric, cells: tuple[CellKey, CellKey], difference: Difference
) -> dict[str, Any]:
    found = _test(difference, metric, pair.margin)
    return {
        "metric": metric.name,
        "a": cell_entry(cells[0]),
        "b": cell_entry(cells[1]),
        "margin": pair.margin,
        "n": difference.n,
        "difference": difference.difference,
        "se": difference.se,
        "ci90": as_list(found.ci90),
        "p": found.p,
        "equivalent": found.equivalent,
    }


def _test(difference: Difference, metric: Metric, margin: float) -> Equivalence:
    """Two one-sided tests; where no row of shares differs at all, by how many rows there are."""
    units = difference.n if difference.clusters is None else difference.clusters
    if metric.scale == "share" and metric.corpus is None and units and not difference.differences.any():
        return tost_without_difference(units, margin)
    return tost(difference.difference, difference.se, units - 1, margin)
