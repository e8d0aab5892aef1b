"""The dataset's own columns in the run folder: written once at the start, looked up by row id later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import DataError
from pipeline.plan.dataset import Dataset, RowBatch, Survey, records_of
from pipeline.store.parts import read_part
from pipeline.store.run_store import RunStore

ROW_ID = "row_id"
OWN_ROW_ID = "row_id (dataset)"
"""What a dataset's own column called row_id is stored as, beside the row key."""

ROWS_PER_FILE = 50_000


def keep_rows(store: RunStore, dataset: Dataset, survey: Survey) -> None:
    """Copy the selected rows to `rows/*.parquet`; files that an earlier session wrote are left as they are."""
    for start in range(0, survey.rows, ROWS_PER_FILE):
        name = f"rows-{start:09d}.parquet"
        if store.has_rows(name):
            continue
        stop = min(start + ROWS_PER_FILE, survey.rows)
        tables = [_with_ids(batch) for batch in dataset.batches(survey, start, stop)]
        store.put_rows(pa.concat_tables(tables), name)


class RowLookup:
    """The rows of a run, by row id."""

    def __init__(self, folder: Path) -> None:
        """Open `rows/*.parquet` of a run folder; raises DataError when they are missing."""
        files = sorted((folder / "rows").glob("*.parquet"))
        if not files:
            raise DataError(f"{folder}: rows/ is empty; the run's rows are needed and are not there")
        self._table = pa.concat_tables([read_part(file) for file in files])

    def records(self, row_ids: Sequence[str] | pa.Array) -> list[dict[str, Any]]:
        """One record for each id, in order; raises DataError for an id that is not there."""
        positions = pc.index_in(pa.array(row_ids, self._table.schema.field(ROW_ID).type), self._table.column(ROW_ID))
        if positions.null_count:
            raise DataError(f"{positions.null_count} row ids of the results are not among the run's rows")
        batches = self._table.take(positions).combine_chunks().to_batches()
        return [_own_columns(record) for batch in batches for record in records_of(batch)]


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
