"""Row ids: taken from a column, or made from the row's content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import DataError
from pipeline.core.fingerprint import digest
from pipeline.core.names import number_of, printable
from pipeline.plan.read_table import JSON_TEXT, retyped
from pipeline.plan.sniff import suggest

_EXAMPLES = 3
_CHUNK_ROWS = 65_536

Integers = np.ndarray[Any, np.dtype[np.int64]]


def check_id_column(schema: pa.Schema, column: str, place: str) -> None:
    """Refuse an id column that is missing, or holds neither text nor whole numbers; `place` is where it is named."""
    where = f"{place}: " if place else ""
    if column not in schema.names:
        raise DataError(
            f"{where}the dataset has no column {printable(repr(column))} for `id`; {suggest(column, schema.names)}"
        )
    field = schema.field(column)
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    usable = pa.types.is_integer(kind) or _is_text(kind) or pa.types.is_null(kind)
    if not usable or field.metadata == JSON_TEXT:
        shown = "mixed values" if field.metadata == JSON_TEXT else str(kind)
        raise DataError(f"{where}column {printable(repr(column))} holds {shown}; ids are text or whole numbers")


def column_ids(values: pa.Array) -> pa.Array:
    """The ids of some rows as text; nulls stay null, for `check_ids` to find."""
    return pc.cast(values, pa.string())


def hashable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with durations as whole numbers, because JSON has no durations."""
    fields = [pa.field(f.name, pa.int64()) if pa.types.is_duration(f.type) else f for f in batch.schema]
    return retyped(batch, pa.schema(fields))


def content_ids(records: Iterable[Mapping[str, Any]]) -> pa.Array:
    """Hash each row's content; the order of its columns does not matter."""
    try:
        return pa.array([digest(record) for record in records], pa.string())
    except TypeError as error:
        raise DataError(f"rows cannot be told apart by content ({error}); name an id column in `id`") from error


def check_ids(ids: pa.Array, column: str, starts: Sequence[tuple[str, int]]) -> None:
    """Refuse ids that are null, empty or repeated, naming rows and values.

    `starts` has each file's name and the position of its first row.
    """
    where = f"{starts[0][0]}: " if len(starts) == 1 else ""
    missing = pc.or_kleene(pc.is_null(ids), pc.equal(ids, "")).to_numpy(zero_copy_only=False).astype(bool)
    name = printable(repr(column))
    if missing.any():
        rows = np.flatnonzero(missing)
        listed = ", ".join(_place(int(row), starts) for row in rows[:_EXAMPLES])
        raise DataError(
            f"{where}id column {name} is null or empty in {number_of(len(rows), 'row')}: {listed}; give each row an id"
        )
    rows, codes = _repeated(ids)
    if not len(rows):
        return
    repeated = np.unique(codes)
    examples = [_example(ids, rows[codes == code], starts) for code in repeated[:_EXAMPLES]]
    raise DataError(
        f"{where}id column {name} has {number_of(len(repeated), 'value')} more than once: {'; '.join(examples)}; "
        "make ids unique, or leave out `id` to tell rows apart by content"
    )


def number_repeats(ids: pa.Array) -> pa.Array:
    """Add -1, -2, ... to the second, third, ... occurrence of an id."""
    rows, codes = _repeated(ids)
    if not len(rows):
        return ids
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[first, len(ordered)])
    occurrence = np.zeros(len(ids), np.int64)
    occurrence[rows[order]] = np.arange(len(rows)) - np.repeat(first, lengths)
    numbers = pa.array(occurrence)
    return pc.if_else(pc.equal(numbers, 0), ids, pc.binary_join_element_wise(ids, pc.cast(numbers, pa.string()), "-"))


def _repeated(ids: pa.Array) -> tuple[Integers, Integers]:
    """The rows whose id stands in several rows, and one integer per distinct id for each of them.

    Hashes (8 bytes a row) find the candidates, so that distinct ids are never copied.
    """
    hashes = np.empty(len(ids), np.int64)
    for start in range(0, len(ids), _CHUNK_ROWS):
        chunk = ids.slice(start, _CHUNK_ROWS).to_pylist()
        hashes[start : start + len(chunk)] = [hash(value) for value in chunk]
    ordered = np.sort(hashes)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    rows = np.flatnonzero(np.isin(hashes, shared)) if len(shared) else np.empty(0, np.int64)
    codes = ids.take(pa.array(rows)).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    several = np.bincount(codes)[codes] > 1 if len(codes) else np.empty(0, bool)
    return rows[several], codes[several]


def _example(ids: pa.Array, rows: Integers, starts: Sequence[tuple[str, int]]) -> str:
    value = printable(repr(ids[int(rows[0])].as_py()))[:100]
    return f"{value} in {_place(int(rows[0]), starts)} and {_place(int(rows[1]), starts)}"


def _place(row: int, starts: Sequence[tuple[str, int]]) -> str:
    """Say where a row is, counting from 1, with the file's name when there are several."""
    name, first = next((name, first) for name, first in reversed(starts) if first <= row)
    return f"row {row - first + 1:,}" + (f" of {name}" if len(starts) > 1 else "")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
