"""Figures of parts of the dataset: one value of a column against the rest, and two cells on that part alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.cells import ADJUST, CellKey, Means, cell_entry, pairs
from pipeline.stats.comparisons import as_list
from pipeline.stats.differences import compare
from pipeline.stats.estimates import estimate, mean_of
from pipeline.stats.grouping import Groups
from pipeline.stats.row_means import Codes, RowMeans
from pipeline.stats.two_samples import clustered_p, fisher_p, welch_p

MOST_VALUES = 50
"""Of a column; what is left out is counted."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of one column."""

    column: str
    value: str
    rows: NDArray[np.bool_]
    """By row number."""


def cut(columns: Mapping[str, Groups], asked: NDArray[np.bool_]) -> tuple[list[Slice], list[dict[str, Any]]]:
    """Slice the rows that are `asked` about (by row number): of each column the values with most rows, by their text.

    Also returns an entry for each column of which values were left out.
    """
    found: list[Slice] = []
    left_out = []
    for column, groups in columns.items():
        codes = groups.codes[: asked.size]
        counts = np.bincount(codes[asked & (codes >= 0)], minlength=len(groups.values))
        largest = [int(code) for code in np.argsort(-counts, kind="stable")[: (counts > 0).sum()]]
        kept = sorted((groups.values[code].as_py(), code) for code in largest[:MOST_VALUES])
        found += [Slice(column, value, codes == code) for value, code in kept]
        if rest := largest[MOST_VALUES:]:
            left_out.append({"column": column, "values": len(rest), "n": int(counts[rest].sum())})
    return found, left_out


def slice_figures(
    slices: Sequence[Slice], means: Means, metrics: Sequence[Metric], how: StatisticsSettings, clusters: Codes | None
) -> list[dict[str, Any]]:
    """Each slice of each cell by each metric, beside the cell's other rows; p values adjusted for their number."""
    by_name = {metric.name: metric for metric in metrics}
    found = [
        {
            "column": part.column,
            "value": part.value,
            **_figures(units, part, by_name[name], how, clusters),
            **cell_entry(cell),
            "metric": name,
        }
        for part in slices
        for (cell, name), units in means.items()
    ]
    return _adjusted([entry for entry in found if entry["n"]], how)


def slice_comparisons(
    slices: Sequence[Slice],
    cells: Sequence[CellKey],
    means: Means,
    metrics: Sequence[Metric],
    how: StatisticsSettings,
    clusters: Codes | None,
) -> list[dict[str, Any]]:
    """The comparisons of whole cells once more on each slice; p values adjusted for their number."""
    found = []
    for part in slices:
        for metric in metrics:
            inside = {cell: _inside(means[cell, metric.name], part) for cell in cells}
            for a, b in pairs(cells):
                pair = compare(inside[a], inside[b], metric, how, clusters)
                if pair.n:
                    found.append(
                        {
                            "column": part.column,
                            "value": part.value,
                            "metric": metric.name,
                            "a": cell_entry(a),
                            "b": cell_entry(b),
                            "n": pair.n,
                            "difference": pair.difference,
                            "se": pair.se,
                            "ci95": as_list(pair.ci95),
                            "gained": pair.gained,
                            "lost": pair.lost,
                            "p": pair.p,
                        }
                    )
    return _adjusted(found, how)


def _figures(
    units: RowMeans, part: Slice, metric: Metric, how: StatisticsSettings, clusters: Codes | None
) -> dict[str, Any]:
    inside = part.rows[units.rows]
    here, rest = units.where(inside), units.where(~inside)
    found = estimate(here, metric, how, None if clusters is None else clusters[here.rows])
    other = mean_of(rest, metric)
    return {
        "n": here.n,
        "mean": found.mean,
        "se": found.se,
        "ci95": as_list(found.ci95),
        "rest_difference": None if found.mean is None or other is None else found.mean - other,
        "p": _p(units, inside, metric, how, clusters),
    }


def _p(
    units: RowMeans, inside: NDArray[np.bool_], metric: Metric, how: StatisticsSettings, clusters: Codes | None
) -> float | None:
    """Whether the slice differs from the cell's other rows; not told of corpus figures."""
    if metric.corpus is not None:
        return None
    if clusters is not None:
        return clustered_p(units.means, inside, clusters[units.rows], how.correction)
    here, rest = units.means[inside], units.means[~inside]
    if metric.pass_fail and not units.repeated:
        return fisher_p(int(here.sum()), here.size, int(rest.sum()), rest.size)
    return welch_p(here, rest)


def _inside(units: RowMeans, part: Slice) -> RowMeans:
    return units.where(part.rows[units.rows])


def _adjusted(entries: list[dict[str, Any]], how: StatisticsSettings) -> list[dict[str, Any]]:
    adjusted = ADJUST[how.adjust]([entry["p"] for entry in entries])
    return [{**entry, "p_adjusted": p} for entry, p in zip(entries, adjusted, strict=True)]
