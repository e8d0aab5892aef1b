"""The dataset's own columns beside the results: which cluster, slice or group each row belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stats.row_means import Codes

NO_GROUP = -1


@dataclass(frozen=True, slots=True)
class Groups:
    """One column by row number."""

    codes: Codes
    """The position of the row's value in `values`; `NO_GROUP` where the row has none."""
    values: pa.Array
    """Text."""

    def of(self, rows: Codes) -> Codes:
        """The codes of these rows."""
        return self.codes[rows]

    def clusters_of(self, rows: Codes) -> Codes:
        """As `of`, a row without a value being a cluster of its own."""
        codes = self.codes[rows]
        alone = codes == NO_GROUP
        codes[alone] = len(self.values) + np.arange(int(alone.sum()), dtype=np.int32)
        return codes


@dataclass(slots=True)
class RowNumbers:
    """Collects row ids of the dataset and of the results, and numbers the rows: equal numbers are equal ids."""

    columns: Sequence[str] = ()
    _ids: list[pa.Array] = field(default_factory=list)
    _asked: list[pa.Array] = field(default_factory=list)
    _values: dict[str, list[pa.Array]] = field(default_factory=dict)

    def add_dataset(self, row_ids: pa.ChunkedArray, columns: Mapping[str, pa.ChunkedArray]) -> None:
        """Add rows of the dataset, with all the columns; every row comes once."""
        self._ids.append(_as_text(row_ids))
        for name in self.columns:
            self._values.setdefault(name, []).append(_as_text(columns[name]))

    def add_results(self, row_ids: pa.ChunkedArray) -> None:
        """Add the rows that some jobs asked about."""
        self._asked.append(_as_text(row_ids))

    def numbers(self) -> Codes:
        """The row number of each job, in the order in which they were added; lets go of the ids."""
        if not self._asked:
            return np.zeros(0, dtype=np.int32)
        known = sum(map(len, self._ids))
        # one contiguous array has one dictionary; chunk by chunk each would carry its own copy
        together = pa.chunked_array([*self._ids, *self._asked]).combine_chunks()
        self._ids, self._asked = [], []
        # the dataset's rows come first and each once: they get their own positions as numbers
        return np.asarray(together.dictionary_encode().indices)[known:]

    def groups(self, rows: int) -> dict[str, Groups]:
        """The columns by row number, for `rows` numbers; rows that the dataset did not have have no value."""
        return {name: _groups(self._values.get(name, []), rows) for name in self.columns}


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column.combine_chunks(), pa.large_string())


def _groups(chunks: list[pa.Array], rows: int) -> Groups:
    encoded = pa.chunked_array(chunks, pa.large_string()).combine_chunks().dictionary_encode()
    codes = np.full(max(rows, len(encoded)), NO_GROUP, dtype=np.int32)
    codes[: len(encoded)] = np.asarray(pc.fill_null(encoded.indices, NO_GROUP))
    return Groups(codes=codes, values=encoded.dictionary)
