"""The rows of two runs: which both have, which have another content, and their values of a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.steps.rows import OWN_ROW_ID, ROW_ID
from pipeline.store.parts import group_sizes, read_group


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRows:
    """The dataset's rows of one run, as files."""

    groups: tuple[tuple[Path, int], ...]
    columns: tuple[str, ...]
    """The dataset's own."""


def kept_rows(folder: Path) -> KeptRows:
    """Find the files of a run; DataError when there are none."""
    files = sorted((folder / "rows").glob("*.parquet"))
    if not files:
        raise DataError(f"{folder}: rows/ is empty; the run's rows are needed and are not there")
    groups = tuple((file, group) for file in files for group in range(len(group_sizes(file))))
    columns = tuple(name for name in pq.read_schema(files[0]).names if name != ROW_ID)
    return KeptRows(groups=groups, columns=columns)


def row_ids(rows: KeptRows) -> pa.ChunkedArray:
    """The ids of all rows, in order."""
    chunks = [chunk for table in _tables(rows, [ROW_ID]) for chunk in table[ROW_ID].cast(pa.large_string()).chunks]
    return pa.chunked_array(chunks, pa.large_string())


def column_texts(rows: KeptRows, column: str) -> tuple[NDArray[np.int32], pa.Array]:
    """A column of all rows as places in an array of texts; -1 is null."""
    chunks = [chunk for table in _tables(rows, [column]) for chunk in _texts(table[column]).chunks]
    encoded = pa.chunked_array(chunks, pa.large_string()).combine_chunks().dictionary_encode()
    places = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int32)
    return places, encoded.dictionary


def content_hashes(rows: KeptRows, columns: Sequence[str]) -> NDArray[np.uint64]:
    """A hash of each row's values as text, in order; equal rows of two runs have equal ones in one process."""
    import polars as pl

    found = []
    for table in _tables(rows, columns):
        frame = pl.DataFrame({name: pl.from_arrow(_texts(table[name])) for name in columns})
        found.append(frame.hash_rows(seed=0).to_numpy())
    return np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)


def shown_column(name: str) -> str:
    """A stored column as its dataset calls it."""
    return ROW_ID if name == OWN_ROW_ID else name


def _tables(rows: KeptRows, columns: Sequence[str]) -> Iterator[pa.Table]:
    for file, group in rows.groups:
        yield read_group(file, group, columns=columns)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as text: JSON for what is nested, hexadecimal for bytes."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if pa.types.is_nested(kind):
        values = [None if value is None else orjson.dumps(value, default=str).decode() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.large_string())])
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        values = [None if value is None else value.hex() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(values, pa.large_string())])
    return column.cast(pa.large_string())
