"""Sums of spending as plain data: JSON, an exact Parquet file, and CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import OutputError
from pipeline.cost.spending import FIELDS, Dimension, Group, Spend, as_plain
from pipeline.stats.accounts import dollars

MONEY = pa.decimal128(38, 12)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet reads as the beginning of a formula."""


def as_json(spend: Spend) -> dict[str, Any]:
    """The sums as JSON carries them: money as decimal strings, unknown as null."""
    return {name: dollars(value) if name.endswith("_usd") else value for name, value in as_plain(spend).items()}


def export_table(groups: Sequence[Group], by: Sequence[Dimension]) -> pa.Table:
    """A row for each group, with explicit types: a column without any value is no trouble."""
    keys = [pa.array([group.key[position] for group in groups], pa.string()) for position in range(len(by))]
    sums = [pa.array([getattr(group.spend, name) for group in groups], _type(name)) for name in FIELDS]
    return pa.Table.from_arrays([*keys, *sums], names=[*by, *FIELDS])


def write_parquet(path: Path, groups: Sequence[Group], by: Sequence[Dimension]) -> None:
    """Write the exact export; OutputError where it cannot be written."""
    _replace(path, lambda file: pq.write_table(export_table(groups, by), file, compression="zstd"))


def write_csv(path: Path, groups: Sequence[Group], by: Sequence[Dimension]) -> None:
    """Write UTF-8 CSV; OutputError where it cannot be written.

    A text that a spreadsheet would take for a formula begins with `'`, so Parquet is the exact export.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*by, *FIELDS])
    for group in groups:
        writer.writerow([*map(guarded, group.key), *(_cell(getattr(group.spend, name)) for name in FIELDS)])
    _replace(path, lambda file: file.write(text.getvalue().encode("utf-8", "backslashreplace")))


def guarded(text: str) -> str:
    """Put `'` before what a spreadsheet would run, be it after spaces or quotes; NUL is dropped."""
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" \n'\"\u00a0\u3000\ufeff").startswith(_FORMULA) else text


def _cell(value: int | Decimal | None) -> str:
    return "" if value is None else (dollars(value) or "") if isinstance(value, Decimal) else str(value)


def _type(name: str) -> pa.DataType:
    return MONEY if name.endswith("_usd") else pa.int64()


def _replace(path: Path, write: Callable[[Any], object]) -> None:
    """Write a file aside, then name it: whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            write(file)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise OutputError(f"{path}: cannot be written: {error.strerror}; name another file") from error
