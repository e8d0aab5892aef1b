"""What a summary keeps of each job, column by column, in the order in which the jobs were added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class JobColumns:
    """Columns that grow by batches and are joined when they are first asked for."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[NDArray[Any]]] = {}

    def keep(self, name: str, values: NDArray[Any]) -> None:
        """Add a batch of a column."""
        self._chunks.setdefault(name, []).append(values)

    def column(self, name: str) -> NDArray[Any]:
        """The whole column; empty where nothing was kept."""
        chunks = self._chunks.get(name, [])
        if len(chunks) > 1:
            self._chunks[name] = chunks = [np.concatenate(_of_one_width(chunks))]
        return chunks[0] if chunks else np.zeros(0, dtype=np.int64)

    def optional(self, name: str, jobs: NDArray[np.int64]) -> NDArray[Any] | None:
        """The column at these jobs; None where it was never kept."""
        return self.column(name)[jobs] if name in self._chunks else None

    def by_cell(self, cells: int) -> list[NDArray[np.int64]]:
        """The jobs of each cell, by the column `cell`."""
        numbers = self.column("cell")
        order = np.argsort(numbers, kind="stable")
        return np.split(order, np.searchsorted(numbers[order], np.arange(1, cells)))


def floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Stored numbers; NaN where there is none."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan))


def _of_one_width(chunks: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Batches without a single statistic have no columns: they are filled up with NaN."""
    width = max(chunk.shape[1] if chunk.ndim > 1 else 0 for chunk in chunks)
    return [
        np.full((len(chunk), width), np.nan) if chunk.ndim > 1 and chunk.shape[1] < width else chunk for chunk in chunks
    ]
