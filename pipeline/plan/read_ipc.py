"""Read Arrow IPC, the file and the stream format (.arrow, and .feather of version 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from pipeline.plan.read_table import check_columns, plain_batch, plain_schema, refusing_damage

_FILE_MAGIC = b"ARROW1"
_PIECE_ROWS = 1_000


class IpcReader:
    """One Arrow IPC file or stream; memory is bounded by the record batches that its writer made."""

    def __init__(self, path: Path) -> None:
        """Read the schema of `path`; raises DataError."""
        self.path = path
        with refusing_damage(path), self._batches() as (schema, _):
            check_columns(path, list(schema.names))
            self.schema = plain_schema(schema)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (row number, rows) for rows start..stop."""
        with refusing_damage(self.path), self._batches() as (_, batches):
            first = 0
            for batch in batches:
                high = batch.num_rows if stop is None else min(stop - first, batch.num_rows)
                for low in range(max(start - first, 0), high, _PIECE_ROWS):
                    piece = batch.slice(low, min(_PIECE_ROWS, high - low))
                    yield first + low, plain_batch(piece, self.schema)
                first += batch.num_rows
                if stop is not None and first >= stop:
                    return

    @contextmanager
    def _batches(self) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        with pa.OSFile(str(self.path)) as source:
            is_file = source.read(len(_FILE_MAGIC)) == _FILE_MAGIC
            source.seek(0)
            if not is_file:
                with pa.ipc.open_stream(source) as stream:
                    yield stream.schema, iter(stream)
                return
            with pa.ipc.open_file(source) as table:
                yield table.schema, (table.get_batch(index) for index in range(table.num_record_batches))
