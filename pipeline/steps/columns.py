"""The dataset columns that statistics use: checked before anything is computed, and read beside the row ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from pipeline.config.read import nearest
from pipeline.core.errors import SettingsError
from pipeline.core.settings import StatisticsSettings
from pipeline.steps.rows import rows_columns, rows_schema


def column_mistakes(statistics: StatisticsSettings, schema: pa.Schema) -> Iterator[str]:
    """What is wrong with the columns that `[statistics]` names, each with its place in the file."""
    named = (("cluster", statistics.cluster), ("macro", statistics.macro), *(("slices", s) for s in statistics.slices))
    for key, name in named:
        if name is None:
            continue
        place = statistics.places.get(key, "[statistics]")
        if name not in schema.names:
            known = [column for column in schema.names if _groups_rows(schema.field(column).type)]
            hint = nearest(name, known) or f"; there are: {', '.join(known)}"
            yield f"{place}: {key}: there is no column {name!r} in the dataset{hint}"
        elif not _groups_rows(schema.field(name).type):
            yield (
                f"{place}: {key}: column {name!r} holds {schema.field(name).type}; "
                "rows are grouped by texts, numbers, dates or true and false"
            )


def require_columns(folder: Path, statistics: StatisticsSettings) -> None:
    """Raise SettingsError where a run's rows do not have the columns that `[statistics]` names."""
    if not statistics.columns:
        return
    if mistakes := list(column_mistakes(statistics, rows_schema(folder))):
        raise SettingsError("\n".join(mistakes))


def read_columns(
    folder: Path, statistics: StatisticsSettings
) -> Iterator[tuple[pa.ChunkedArray, dict[str, pa.ChunkedArray]]]:
    """The run's rows, file by file: their ids, and the columns that `[statistics]` names under their own names."""
    for table in rows_columns(folder, statistics.columns) if statistics.columns else ():
        yield table.column(0), dict(zip(statistics.columns, table.columns[1:], strict=True))


def _groups_rows(kind: pa.DataType) -> bool:
    is_kind = pa.types
    if is_kind.is_dictionary(kind):
        return _groups_rows(kind.value_type)
    return not (is_kind.is_nested(kind) or is_kind.is_binary(kind) or is_kind.is_large_binary(kind))
