"""Read Parquet in small pieces, so that a tiny file cannot fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.errors import DataError
from pipeline.core.names import printable
from pipeline.plan.read_table import check_columns, plain_batch, plain_schema, refusing_damage

MAX_ROW_GROUP_BYTES = 2 << 30
_PIECE_ROWS = 64
_PIECE_BYTES = 16 << 20
_USUAL_COMPRESSION = 200
_READ_BYTES = 1 << 20


class ParquetReader:
    """One Parquet file. Times of nanosecond resolution are cut to microseconds, what Python's own types hold."""

    def __init__(self, path: Path, max_group_bytes: int = MAX_ROW_GROUP_BYTES) -> None:
        """Read the footer of `path`; raises DataError, also for a row group above `max_group_bytes` uncompressed."""
        self.path = path
        self._max_group_bytes = max_group_bytes
        with refusing_damage(path), self._open() as file:
            names = list(file.schema_arrow.names)
            check_columns(path, names)
            self.schema = plain_schema(file.schema_arrow)
            self._group_rows = [self._checked_rows(file, group) for group in range(file.metadata.num_row_groups)]
            self._piece_rows = _piece_rows(file.metadata)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (row number, rows) for rows start..stop; row groups that lie wholly outside are not touched."""
        stop = sum(self._group_rows) if stop is None else stop
        groups, first = self._groups_within(start, stop)
        if not groups:
            return
        with refusing_damage(self.path), self._open() as file:
            for batch in file.iter_batches(batch_size=self._piece_rows, row_groups=groups, use_threads=False):
                low, high = max(start - first, 0), min(stop - first, batch.num_rows)
                if low < high:
                    yield first + low, plain_batch(batch.slice(low, high - low), self.schema)
                first += batch.num_rows
                if first >= stop:
                    return

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path, pre_buffer=False, buffer_size=_READ_BYTES, page_checksum_verification=True)

    def _checked_rows(self, file: pq.ParquetFile, group: int) -> int:
        metadata = file.metadata.row_group(group)
        if metadata.total_byte_size > self._max_group_bytes:
            raise DataError(
                f"{printable(str(self.path))}: row group {group} is {metadata.total_byte_size:,} bytes uncompressed, "
                f"more than {self._max_group_bytes:,}; write the file with smaller row groups"
            )
        return int(metadata.num_rows)

    def _groups_within(self, start: int, stop: int) -> tuple[list[int], int]:
        """The row groups that overlap start..stop, and the row at which the first of them begins."""
        groups: list[int] = []
        begin = first = 0
        for group, rows in enumerate(self._group_rows):
            if begin < stop and begin + rows > start:
                first = first if groups else begin
                groups.append(group)
            begin += rows
        return groups, first


def _piece_rows(metadata: pq.FileMetaData) -> int:
    """How many rows to decode at a time.

    A dictionary value repeats without being stored again, so decoded sizes are nowhere in the footer; but no value is
    longer than its column chunk. Where a chunk is compressed beyond any ordinary text, that bound is taken seriously.
    """
    longest = 1
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            if chunk.total_uncompressed_size > _USUAL_COMPRESSION * chunk.total_compressed_size:
                longest = max(longest, chunk.total_uncompressed_size)
    return max(1, min(_PIECE_ROWS, _PIECE_BYTES // longest))
