"""The row is the unit: one value per row of a cell, the mean over its repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
"""Numbers instead of names: of rows, or of the groups that rows belong to."""
Sums = NDArray[np.float64] | NDArray[np.float32]
"""Statistics of corpus figures, rows by kinds; in 4 bytes each where they are exact in those."""


@dataclass(frozen=True, slots=True)
class RowMeans:
    """One value per row, by ascending row number."""

    rows: Codes
    means: NDArray[np.float64]
    repeated: bool
    """Whether a row was answered more than once."""
    sums: Sums | None = None
    """Of corpus figures: the statistics of each row, added up over its answers."""

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self.rows.size)

    def where(self, kept: NDArray[np.bool_]) -> RowMeans:
        """The rows that are marked; itself where that is all."""
        if kept.all():
            return self
        sums = None if self.sums is None else self.sums[kept]
        return RowMeans(rows=self.rows[kept], means=self.means[kept], repeated=self.repeated, sums=sums)


def row_means(rows: Codes, values: NDArray[np.float64], sums: Sums | None = None) -> RowMeans:
    """Average the values of each row, leaving NaN out; `sums` are added up."""
    scored = ~np.isnan(values)
    unique, inverse = np.unique(rows[scored], return_inverse=True)
    counts = np.bincount(inverse, minlength=unique.size)
    totals = np.bincount(inverse, weights=values[scored], minlength=unique.size)
    repeated = bool(counts.max(initial=0) > 1)
    added = _added if repeated else _placed
    return RowMeans(
        rows=unique,
        means=totals / np.maximum(counts, 1),
        repeated=repeated,
        sums=None if sums is None else added(inverse, unique.size, sums[scored]),
    )


def _added(inverse: NDArray[np.int64], rows: int, sums: Sums) -> Sums:
    added = np.zeros((rows, sums.shape[1]))
    np.add.at(added, inverse, sums)
    return added


def _placed(inverse: NDArray[np.int64], rows: int, sums: Sums) -> Sums:
    placed = np.empty_like(sums)
    placed[inverse] = sums
    return placed


def common(a: RowMeans, b: RowMeans) -> tuple[RowMeans, RowMeans]:
    """Both, on the rows that both have."""
    return a.where(np.isin(a.rows, b.rows, assume_unique=True)), b.where(np.isin(b.rows, a.rows, assume_unique=True))
