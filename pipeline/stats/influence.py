"""How much each row moves a cell's mean quality and mean cost: what their joint uncertainty is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.stats.corpus import Kind, corpus_score
from pipeline.stats.estimates import mean_of
from pipeline.stats.job_costs import CellCosts
from pipeline.stats.row_means import Codes, RowMeans

_Array = NDArray[np.float64]
_STEP = 1e-4
_ROWS_AT_A_TIME = 65_536


@dataclass(frozen=True, slots=True)
class Influence:
    """A figure, and by ascending number of its rows (or clusters) how far each moves it; the moves add up to 0."""

    figure: float
    rows: Codes
    moves: _Array

    def by(self, clusters: Codes | None) -> Influence:
        """The moves of whole clusters."""
        if clusters is None:
            return self
        labels, inverse = np.unique(clusters[self.rows], return_inverse=True)
        moves = np.bincount(inverse, weights=self.moves, minlength=labels.size).astype(np.float64)
        return Influence(self.figure, labels, moves)


def quality_influence(units: RowMeans, metric: Metric) -> Influence | None:
    """Of a metric's figure over rows; None without a row. Of a corpus figure by its slope at the sums of all rows."""
    figure = mean_of(units, metric)
    if figure is None:
        return None
    if metric.corpus is None or units.sums is None:
        return Influence(figure, units.rows, (units.means - figure) / units.n)
    sums = np.asarray(units.sums, dtype=np.float64)
    moves = (sums - sums.mean(axis=0)) @ _slope(metric.corpus, metric.corpus_options, sums.sum(axis=0))
    return Influence(figure, units.rows, moves)


def cost_influence(costs: CellCosts) -> Influence | None:
    """Of the mean cost of a job; None without a known cost."""
    if not costs.usd.size:
        return None
    rows, inverse, jobs = np.unique(costs.rows, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=costs.usd, minlength=rows.size)
    figure = float(sums.sum() / costs.usd.size)
    return Influence(figure, rows, (sums - figure * jobs) / costs.usd.size)


def covariance(influences: Sequence[Influence]) -> _Array | None:
    """Covariance of the figures over rows that may differ from figure to figure; None where one has a single row.

    Rows that a figure lacks do not move it. Source: the infinitesimal jackknife, Efron 1982, section 6.3.
    """
    if any(one.rows.size < 2 for one in influences):
        return None
    total = np.zeros((len(influences), len(influences)))
    last = max(int(one.rows[-1]) for one in influences)
    for start in range(0, last + 1, _ROWS_AT_A_TIME):
        block = np.zeros((min(_ROWS_AT_A_TIME, last + 1 - start), len(influences)))
        for column, one in enumerate(influences):
            low, high = np.searchsorted(one.rows, (start, start + len(block)))
            block[one.rows[low:high] - start, column] = one.moves[low:high]
        total += block.T @ block
    small = np.array([(one.rows.size / (one.rows.size - 1)) ** 0.5 for one in influences])
    return total * np.outer(small, small)


def _slope(kind: Kind, options: Mapping[str, Any], sums: _Array) -> _Array:
    """By central differences, each sum moved by a ten-thousandth."""
    steps = np.diag(np.maximum(np.abs(sums) * _STEP, _STEP))
    up, down = (corpus_score(kind, sums + sign * steps, options) for sign in (1, -1))
    return np.asarray((up - down) / (2 * np.diag(steps)))
