"""Reading a table of questions and answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from pipeline.core.errors import DataError


def read_answers(path: Path, columns: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """Question, answer and, where a third column is named, model of each row; DataError when it cannot be read."""
    yield from _rows(_read(path, columns), columns, path)


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    readers = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path}: an answer table is a .parquet, .csv or .jsonl file, not {path.suffix or 'nameless'!r}"
        )
    try:
        frame = reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: the answer table cannot be read: {error}") from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; the answer table has {', '.join(frame.columns) or 'none'}")
    return frame.select(list(dict.fromkeys(columns)))


def _read_parquet(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path)


def _read_csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def _read_jsonl(path: Path) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}; each line must be one object") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}:{number}: a {type(row).__name__} instead of an object")
        rows.append({key: _plain(value) for key, value in row.items()})
    names = list(dict.fromkeys(key for row in rows for key in row))
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _rows(frame: pl.DataFrame, columns: list[str], path: Path) -> Iterator[tuple[str, str, str | None]]:
    lists = [frame[column].to_list() for column in columns]
    for number, values in enumerate(zip(*lists, strict=True), start=1):
        texts = [_plain(value) for value in values]
        for column, text in zip(columns, texts, strict=True):
            if text is None:
                raise DataError(f"{path}: row {number} has no {column}; fill the cell or drop the row")
        question, answer, *model = texts
        yield str(question), str(answer), model[0] if model else None


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return orjson.dumps(value, default=str).decode()
