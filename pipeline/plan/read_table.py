"""What the reader of each format promises, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from pipeline.core.errors import DataError
from pipeline.core.names import printable

MAX_COLUMNS = 10_000
MAX_LINE_CHARACTERS = 16 << 20
"""Longest line or field of a text format, so that one broken line cannot fill the memory."""

JSON_TEXT = {b"content": b"json"}
"""Field metadata of a text column that holds JSON; `RowBatch.records` gives its values back parsed."""


class TableReader(Protocol):
    """One file of a dataset."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Its columns, in the types that `read` gives."""
        ...

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (row number, rows) for the file's rows start..stop, in order, in pieces of bounded size."""
        ...


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Turn what a parser says about a damaged file into a DataError that names it."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{printable(str(path))} is damaged or cannot be read: {printable(str(error))[:500]}"
        ) from error


def check_columns(path: Path, names: list[str]) -> None:
    """Refuse tables without columns, with too many, or with one name twice."""
    shown = printable(str(path))
    if not names:
        raise DataError(f"{shown} has no columns")
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{shown} has {len(names):,} columns; at most {MAX_COLUMNS:,} are read; select those you need")
    repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if repeated:
        listed = printable(", ".join(repr(name) for name in repeated[:3]))
        raise DataError(f"{shown} names a column twice: {listed}; rename one of them")


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with types that plain Python values can hold: extensions as stored, times in microseconds."""
    return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Check every byte of `batch` (offsets, UTF-8) and give it the types of `schema`."""
    batch.validate(full=True)
    return batch if batch.schema.equals(schema) else retyped(batch, schema)


def retyped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Cast the columns whose types differ, and only those: Arrow fails on casts of some nested types to themselves."""
    arrays = [
        column if column.type == field.type else column.cast(field.type, safe=False)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    return kind
