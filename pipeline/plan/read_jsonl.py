"""Read JSONL: one object a line, with the types found by reading every line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import orjson
import pyarrow as pa

from pipeline.core.errors import DataError
from pipeline.core.names import printable
from pipeline.plan.read_table import JSON_TEXT, MAX_LINE_CHARACTERS, check_columns
from pipeline.plan.sniff import undecodable

_BLOCK_ROWS = 1_000
_BLOCK_BYTES = 16 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_INT64_END = 2**63
_UINT64_END = 2**64

Kind = str | tuple["Kind"] | dict[str, "Kind"]
"""The type of a JSON value: a scalar's name, `json`, a 1-tuple for a list, a dict for an object."""

_SCALARS: dict[type, str] = {str: "str", bool: "bool", float: "float", int: "int", type(None): "null"}
_CLASSES = {"str": "text", "bool": "true/false", "int": "a number", "uint": "a number", "float": "a number"}
_ARROW = {
    "null": pa.null(),
    "str": pa.string(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "uint": pa.uint64(),
    "float": pa.float64(),
}


class _WideNumber(Exception):
    """A number beyond 64 bits: an integer that the parser has rounded, or a genuine float."""


class JsonlReader:
    """One JSONL file under a schema that `infer_schema` made."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Read `path` as `schema` says."""
        self.path = path
        self.schema = schema

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (row number, rows) for rows start..stop; a key that a line lacks is null."""
        lines = islice(_lines(self.path), start, stop)
        while block := _take_block(self.path, lines):
            arrays = [_array(field, block) for field in self.schema]
            yield start, pa.RecordBatch.from_arrays(arrays, schema=self.schema)
            start += len(block)


def infer_schema(paths: Sequence[Path]) -> pa.Schema:
    """Read every line of `paths` and find the union of their keys, in the order of first appearance.

    A column whose values all have one type gets it, nested ones included. Where nested values differ in their keys
    or types, or whole and decimal numbers mix, the column is JSON text and its values come back exactly as
    written, without keys that were not there. Text mixed with numbers or true/false in one column is refused.
    """
    columns: dict[str, Kind] = {}
    seen: dict[str, dict[str, str]] = {}
    for path in paths:
        for number, line in _lines(path):
            for name, value in _parse(path, number, line).items():
                kind = _kind_in_line(value, path, number, line)
                known = columns.setdefault(name, "null")
                if kind is known:
                    continue
                columns[name] = _merge(known, kind)
                if isinstance(kind, str) and kind in _CLASSES:
                    _note_class(name, _CLASSES[kind], f"{printable(str(path))}:{number}", seen.setdefault(name, {}))
        check_columns(path, list(columns))
    return pa.schema([_field(name, kind) for name, kind in columns.items()])


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_CHARACTERS + 1), b""), start=1):
            if len(line) > MAX_LINE_CHARACTERS:
                raise DataError(f"{printable(str(path))}:{number}: a line longer than {MAX_LINE_CHARACTERS:,} bytes")
            text = line.removeprefix(_UTF8_MARK) if number == 1 else line
            if not text.isspace():
                yield number, text


def _take_block(path: Path, lines: Iterator[tuple[int, bytes]]) -> list[dict[str, Any]]:
    block: list[dict[str, Any]] = []
    size = 0
    for number, line in lines:
        block.append(_parse(path, number, line))
        size += len(line)
        if len(block) >= _BLOCK_ROWS or size >= _BLOCK_BYTES:
            break
    return block


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        _refuse_line(path, number, line, error)
    if isinstance(value, dict):
        return value
    found = "a list" if isinstance(value, list) else f"the value {line[:40].decode(errors='replace')!r}"
    raise DataError(f"{printable(str(path))}:{number}: {printable(found)}; expected one JSON object a line")


def _refuse_line(path: Path, number: int, line: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        raise undecodable(path) from error
    if line.strip() in (b"[", b"{"):
        reason = "a JSON document over several lines; write one object a line, for example with `jq -c`"
    else:
        reason = f"not a JSON object: {error.msg} (column {error.colno}); is the line cut short?"
    raise DataError(f"{printable(str(path))}:{number}: {reason}") from error


def _kind_in_line(value: Any, path: Path, number: int, line: bytes) -> Kind:
    try:
        return _kind(value)
    except _WideNumber:
        _refuse_wide_integers(path, number, line)
        return "float" if isinstance(value, float) else "json"


def _kind(value: Any) -> Kind:
    scalar = _SCALARS.get(type(value))
    if scalar is None:
        return _nested_kind(value)
    if scalar == "float" and abs(value) >= _INT64_END:
        raise _WideNumber
    return "uint" if scalar == "int" and value >= _INT64_END else scalar


def _nested_kind(value: list[Any] | dict[str, Any]) -> Kind:
    if isinstance(value, list):
        element: Kind = "null"
        for item in value:
            element = _merge(element, _kind(item))
        return "json" if element == "json" else (element,)
    fields = {name: _kind(item) for name, item in value.items()}
    # Parquet cannot hold an object without fields.
    return fields if fields and "json" not in fields.values() else "json"


def _merge(one: Kind, other: Kind) -> Kind:
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    if isinstance(one, tuple) and isinstance(other, tuple):
        element = _merge(one[0], other[0])
        return "json" if element == "json" else (element,)
    if not (isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys()):
        return "json"
    fields = {name: _merge(kind, other[name]) for name, kind in one.items()}
    return "json" if "json" in fields.values() else fields


def _note_class(name: str, found: str, place: str, seen: dict[str, str]) -> None:
    seen.setdefault(found, place)
    if len(seen) == 1:
        return
    (first, first_place), (second, second_place) = list(seen.items())[:2]
    raise DataError(
        f"{second_place}: column {printable(repr(name))} is {second} here but {first} at {first_place}; "
        "write one type throughout"
    )


def _refuse_wide_integers(path: Path, number: int, line: bytes) -> None:
    def checked(digits: str) -> int:
        value = int(digits)
        if not -_INT64_END <= value < _UINT64_END:
            raise DataError(
                f"{printable(str(path))}:{number}: the integer {digits[:40]} does not fit 64 bits; write it as text"
            )
        return value

    json.loads(line, parse_int=checked)


def _field(name: str, kind: Kind) -> pa.Field:
    if kind == "json":
        return pa.field(name, pa.string(), metadata=JSON_TEXT)
    return pa.field(name, _arrow_type(kind))


def _arrow_type(kind: Kind) -> pa.DataType:
    if isinstance(kind, str):
        return _ARROW[kind]
    if isinstance(kind, tuple):
        return pa.list_(_arrow_type(kind[0]))
    return pa.struct([pa.field(name, _arrow_type(inner)) for name, inner in kind.items()])


def _array(field: pa.Field, block: list[dict[str, Any]]) -> pa.Array:
    values = [row.get(field.name) for row in block]
    if field.metadata != JSON_TEXT:
        return pa.array(values, field.type)
    return pa.array([None if value is None else orjson.dumps(value).decode() for value in values], pa.string())
