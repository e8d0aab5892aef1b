"""The dataset's own columns in the run folder: written once at the start, looked up by row id later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import DataError
from pipeline.plan.dataset import Dataset, RowBatch, Survey, records_of
from pipeline.store.parts import group_sizes, read_group, read_part
from pipeline.store.run_store import RunStore

ROW_ID = "row_id"
OWN_ROW_ID = "row_id (dataset)"
"""What a dataset's own column called row_id is stored as, beside the row key."""

ROWS_PER_FILE = 50_000
_GROUP_BYTES = 2 * 1024 * 1024
_HELD_BYTES = 64 * 1024 * 1024
"""About what a lookup holds, however large the rows are."""
_ROWS_AT_A_TIME = 500
"""Rows that are made Python objects together: those take several times their bytes."""


def keep_rows(store: RunStore, dataset: Dataset, survey: Survey) -> None:
    """Copy the selected rows to `rows/*.parquet`; files that an earlier session wrote are left as they are."""
    for start in range(0, survey.rows, ROWS_PER_FILE):
        name = f"rows-{start:09d}.parquet"
        if store.has_rows(name):
            continue
        stop = min(start + ROWS_PER_FILE, survey.rows)
        tables = _groups(dataset.batches(survey, start, stop))
        first = next(tables)
        store.put_rows(name, first.schema, chain([first], tables))


def _groups(batches: Iterable[RowBatch]) -> Iterator[pa.Table]:
    """The rows in tables that are worth a row group of their own and small enough to hold."""
    held: list[pa.Table] = []
    for batch in batches:
        held.append(_with_ids(batch))
        if sum(table.nbytes for table in held) >= _GROUP_BYTES:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def rows_schema(folder: Path) -> pa.Schema:
    """The dataset's own columns as the run folder has them; raises DataError when its rows are missing."""
    schema = read_group(_row_files(folder)[0], 0).schema
    own = {OWN_ROW_ID: ROW_ID}
    return pa.schema([field.with_name(own.get(field.name, field.name)) for field in schema if field.name != ROW_ID])


def rows_columns(folder: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Row ids and some of the dataset's columns, file by file, in this order."""
    stored = [OWN_ROW_ID if name == ROW_ID else name for name in columns]
    for file in _row_files(folder):
        yield read_part(file, columns=[ROW_ID, *stored])


def _row_files(folder: Path) -> list[Path]:
    files = sorted((folder / "rows").glob("*.parquet"))
    if not files:
        raise DataError(f"{folder}: rows/ is empty; the run's rows are needed and are not there")
    return files


class RowLookup:
    """The rows of a run, by row id; they are read when they are asked for, and memory holds what was asked for."""

    def __init__(self, folder: Path, columns: Collection[str] | None = None) -> None:
        """Open `rows/*.parquet` of a run folder; raises DataError when they are missing.

        With `columns`, records hold those alone, as far as they exist.
        """
        files = _row_files(folder)
        sizes = {file: group_sizes(file) for file in files}
        self._groups = [(file, group) for file in files for group in range(len(sizes[file]))]
        rows, size = (sum(numbers) for numbers in zip((0, 0), *chain(*sizes.values()), strict=True))
        self._rows_held = max(1, _HELD_BYTES * rows // max(1, size))
        self._columns = None if columns is None else _stored_names(files[0], columns)
        self._next = 0
        """The row group that is looked at first: results come in about the order of the rows."""

    def records(self, row_ids: pa.Array | pa.ChunkedArray) -> Iterator[dict[str, Any]]:
        """One record for each id, in order; raises DataError for an id that is not there."""
        for start in range(0, len(row_ids), self._rows_held):
            yield from self._records(row_ids.slice(start, self._rows_held))

    def _records(self, row_ids: pa.Array | pa.ChunkedArray) -> Iterator[dict[str, Any]]:
        found = self._rows_with(pc.unique(row_ids))
        positions = pc.index_in(row_ids, value_set=found[ROW_ID].cast(row_ids.type))
        if positions.null_count:
            raise DataError(f"{positions.null_count} row ids of the results are not among the run's rows")
        for start in range(0, len(positions), _ROWS_AT_A_TIME):
            for batch in found.take(positions.slice(start, _ROWS_AT_A_TIME)).combine_chunks().to_batches():
                yield from map(_own_columns, records_of(batch))

    def _rows_with(self, ids: pa.Array) -> pa.Table:
        """The rows that have one of the ids."""
        missing = len(ids)
        pieces: list[pa.Table] = []
        for _ in self._groups:
            file, group = self._groups[self._next]
            there = read_group(file, group, columns=[ROW_ID])[ROW_ID]
            is_wanted = pc.is_in(there, value_set=ids.cast(there.type))
            if found := pc.sum(is_wanted).as_py():
                pieces.append(read_group(file, group, self._columns).filter(is_wanted))
                missing -= found
                if missing <= 0:
                    break
            self._next = (self._next + 1) % len(self._groups)
        return pa.concat_tables(pieces) if pieces else read_group(*self._groups[0], self._columns).slice(0, 0)


def _stored_names(file: Path, columns: Collection[str]) -> list[str]:
    """The columns of `file` that hold the row key and `columns`, in the file's order."""
    stored = read_group(file, 0).schema.names
    own = OWN_ROW_ID if OWN_ROW_ID in stored else None
    wanted = {ROW_ID, *(own if name == ROW_ID else name for name in columns)}
    return [name for name in stored if name in wanted]


def _with_ids(batch: RowBatch) -> pa.Table:
    table = pa.Table.from_batches([batch.batch])
    if ROW_ID in table.column_names:
        table = table.rename_columns([OWN_ROW_ID if name == ROW_ID else name for name in table.column_names])
    return table.add_column(0, ROW_ID, pa.array(batch.row_ids, pa.string()))


def _own_columns(record: dict[str, Any]) -> dict[str, Any]:
    del record[ROW_ID]
    if OWN_ROW_ID in record:
        record[ROW_ID] = record.pop(OWN_ROW_ID)
    return record
