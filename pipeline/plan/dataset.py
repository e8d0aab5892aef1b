"""A dataset: files opened, surveyed once, and read lazily in batches of the selected rows."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from pipeline.core.errors import DataError, SettingsError
from pipeline.core.names import printable
from pipeline.core.settings import DatasetSettings
from pipeline.plan.read_csv import CsvReader
from pipeline.plan.read_ids import check_id_column, check_ids, column_ids, content_ids, hashable, number_repeats
from pipeline.plan.read_ipc import IpcReader
from pipeline.plan.read_jsonl import JsonlReader, infer_schema
from pipeline.plan.read_parquet import ParquetReader
from pipeline.plan.read_table import JSON_TEXT, TableReader
from pipeline.plan.sniff import Format, find_files, sniff

_BATCH_BYTES = 32 << 20
"""A batch is closed at this size, whatever its number of rows."""

_MOST_PIECES = 1_000
"""Readers give a few dozen rows at a time: more arrays than this would take twice what is in them."""

Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """What one full pass found."""

    total_rows: int
    rows: int
    """Selected, after sample and limit."""
    content_sha256: str
    """Over the files' bytes in plan order, never their names: what decides "same dataset". One file has its own."""
    row_ids: pa.Array
    """Text, one per selected row, in plan order."""
    selected: Positions | None = None
    """Positions in file order; None is all."""
    file_rows: tuple[int, ...] = ()
    """Rows of each file; needed where there are several."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows that follow each other in the plan."""

    start: int
    """Plan coordinate of the first."""
    row_ids: list[str]
    batch: pa.RecordBatch

    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts of plain Python values, columns in the dataset's order."""
        return records_of(self.batch)


class Dataset:
    """Opened files with equal columns; row order is file order, files sorted by path."""

    def __init__(self, settings: DatasetSettings, readers: Sequence[TableReader]) -> None:
        """Hold what `open_dataset` opened."""
        self._settings = settings
        self._readers = tuple(readers)
        self.files = tuple(reader.path for reader in readers)
        self.schema: pa.Schema = readers[0].schema
        self.columns: tuple[str, ...] = tuple(self.schema.names)
        self._stamps = [_stamp(path) for path in self.files]

    def survey(self) -> Survey:
        """Read everything once: count, hash, check every byte and id, draw the sample. Raises DataError."""
        counts: list[int] = []
        pieces: list[pa.Array] = []
        for reader in self._readers:
            rows = 0
            for _, batch in reader.read():
                pieces.append(self._ids_of(batch))
                rows += batch.num_rows
                if len(pieces) >= _MOST_PIECES:
                    pieces = [pa.concat_arrays(pieces)]
            counts.append(rows)
        ids = pa.concat_arrays(pieces)
        del pieces  # as large as `ids`
        starts = list(accumulate(counts, initial=0))[:-1]
        if self._settings.id is None:
            ids = number_repeats(ids)
        else:
            names = [printable(path.name) for path in self.files]
            check_ids(ids, self._settings.id, list(zip(names, starts, strict=True)))
        content = content_sha256(self.files)
        self._refuse_change()
        selected = select(len(ids), self._settings)
        return Survey(
            total_rows=len(ids),
            rows=len(ids) if selected is None else len(selected),
            content_sha256=content,
            row_ids=ids if selected is None else ids.take(pa.array(selected)),
            selected=selected,
            file_rows=tuple(counts),
        )

    def batches(
        self, survey: Survey, start: int = 0, stop: int | None = None, batch_rows: int = 1000
    ) -> Iterator[RowBatch]:
        """Yield the selected rows start..stop (plan coordinates), lazily.

        A batch has at most `batch_rows` rows, and fewer when they are large (32 MiB). Raises DataError when a file
        has changed since it was opened.
        """
        stop = survey.rows if stop is None else min(stop, survey.rows)
        self._refuse_change()
        for batch in _regroup(self._pieces(survey, start, stop), batch_rows):
            yield RowBatch(start, survey.row_ids.slice(start, batch.num_rows).to_pylist(), batch)
            start += batch.num_rows

    def _ids_of(self, batch: pa.RecordBatch) -> pa.Array:
        if self._settings.id is None:
            return content_ids(records_of(hashable(batch)))
        return column_ids(batch.column(self._settings.id))

    def _pieces(self, survey: Survey, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """The wanted rows, cut wherever the readers cut them."""
        if start >= stop:
            return
        wanted = None if survey.selected is None else survey.selected[start:stop]
        low, high = (start, stop) if wanted is None else (int(wanted[0]), int(wanted[-1]) + 1)
        counts = survey.file_rows or (survey.total_rows,)
        first = 0
        for reader, rows in zip(self._readers, counts, strict=True):
            if first < high and first + rows > low:
                yield from _picked(reader, first, (max(low - first, 0), min(high - first, rows)), wanted)
            first += rows

    def _refuse_change(self) -> None:
        for path, stamp in zip(self.files, self._stamps, strict=True):
            if _stamp(path) != stamp:
                raise DataError(f"{printable(str(path))} has changed while it was in use; start the run again")


def open_dataset(settings: DatasetSettings) -> Dataset:
    """Sniff the files and read their schema; raises DataError.

    Cheap for formats that have a schema or header; JSONL has none and is read once. A file without rows is refused.
    """
    for name, value in (("sample", settings.sample), ("limit", settings.limit)):
        if value is not None and value < 1:
            raise SettingsError(f"dataset {name} is {value}; it must be at least 1")
    paths, kind = find_files(settings.path)
    for path in paths:
        sniff(path, kind)
    readers = _readers(paths, kind)
    for reader in readers:
        _require_equal_columns(readers[0], reader)
        if next(reader.read(0, 1), None) is None:
            raise DataError(f"{printable(str(reader.path))} has columns but no rows")
    if settings.id is not None:
        check_id_column(readers[0].schema, settings.id, settings.place)
    return Dataset(settings, readers)


def records_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows as dicts of plain Python values; JSON text columns come back parsed, maps as dicts."""
    columns = [_values(field, column) for field, column in zip(batch.schema, batch.columns, strict=True)]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def select(total: int, settings: DatasetSettings) -> Positions | None:
    """Draw the sample, in file order, and cut it at the limit; None when every row is taken."""
    sample = total if settings.sample is None else min(settings.sample, total)
    rows = sample if settings.limit is None else min(settings.limit, sample)
    if rows == total:
        return None
    if sample == total:
        return np.arange(rows, dtype=np.int64)
    drawn = random.Random(settings.seed).sample(range(total), sample)
    return np.sort(np.array(drawn, dtype=np.int64))[:rows]


def content_sha256(paths: Sequence[Path]) -> str:
    """Hash the bytes of `paths` in their order; names do not count."""
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _readers(paths: Sequence[Path], kind: Format) -> list[TableReader]:
    if kind == "parquet":
        return [ParquetReader(path) for path in paths]
    if kind == "ipc":
        return [IpcReader(path) for path in paths]
    if kind == "jsonl":
        schema = infer_schema(paths)
        return [JsonlReader(path, schema) for path in paths]
    return [CsvReader(path, "\t" if kind == "tsv" else ",") for path in paths]


def _require_equal_columns(first: TableReader, other: TableReader) -> None:
    if other.schema.equals(first.schema):
        return
    place = f"{printable(str(other.path))} and {printable(first.path.name)}"
    ours, theirs = set(other.schema.names), set(first.schema.names)
    if ours != theirs:
        listed = ", ".join(repr(name) for name in sorted(ours ^ theirs)[:5])
        raise DataError(f"{place} differ in their columns: {printable(listed)} in only one of them")
    for name in first.schema.names:
        here, there = other.schema.field(name).type, first.schema.field(name).type
        if here != there:
            raise DataError(f"{place} differ in the type of column {printable(repr(name))}: {here} and {there}")
    raise DataError(f"{place} have the same columns in different order; write them in one order")


def _values(field: pa.Field, column: pa.Array) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    except (ValueError, OverflowError, KeyError) as error:
        raise DataError(f"column {printable(repr(field.name))}: a value cannot be read: {error}") from error
    if field.metadata != JSON_TEXT:
        return values
    return [None if value is None else orjson.loads(value) for value in values]


def _picked(
    reader: TableReader, first: int, span: tuple[int, int], wanted: Positions | None
) -> Iterator[pa.RecordBatch]:
    """The wanted rows of one file, whose first row has the position `first`, within `span` of the file."""
    for row, batch in reader.read(*span):
        if wanted is None:
            yield batch
            continue
        low, high = np.searchsorted(wanted, (first + row, first + row + batch.num_rows))
        if low < high:
            yield batch.take(pa.array(wanted[low:high] - (first + row)))


def _regroup(pieces: Iterator[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for piece in pieces:
        while piece.num_rows:
            fitting = max(1, (_BATCH_BYTES - size) * piece.num_rows // max(1, piece.nbytes))
            part = piece.slice(0, min(fitting, batch_rows - rows))
            piece = piece.slice(part.num_rows)
            held.append(part)
            rows += part.num_rows
            size += part.nbytes
            if rows == batch_rows or size >= _BATCH_BYTES:
                yield _joined(held)
                held, rows, size = [], 0, 0
    if held:
        yield _joined(held)


def _joined(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
