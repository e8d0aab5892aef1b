"""Search for a text in the jobs of a run: row group by row group, for as long as it is given, to go on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.steps.browsing.columns import hashes
from pipeline.steps.browsing.index import Extent, JobIndex
from pipeline.steps.rows import ROW_ID
from pipeline.store.parts import group_sizes, read_group
from pipeline.store.sources import DAMAGE, SegmentSource

_RESULTS = ("job_id", "row_id", "text", "thinking", "tool_calls", "error_message", "stop_reason_raw")
_SCORES = ("label", "extracted", "expected", "explanation")

IsTimeUp = Callable[[], bool]
Mask = NDArray[np.bool_]


class TextSearch:
    """What is known of one text: which jobs have it, and where nobody has looked yet.

    A job has it if its answer, error, scores or row's own columns do, upper or lower case. Files that cannot be read
    have nothing. Memory holds one row group and a bit for each job.
    """

    def __init__(self, folder: Path, text: str) -> None:
        """Look for `text` in the run in `folder`."""
        self._folder = folder
        self._text = text
        self._row_groups = self._all_row_groups()
        self._rows: list[NDArray[np.uint64]] = []
        """Rows that have the text in a column of their own, by row group, as far as somebody looked."""
        self._found: dict[object, Mask] = {}
        """By the key of the extent, the jobs that have the text."""
        self._of_rows: tuple[int, Mask] = (-1, np.zeros(0, dtype=np.bool_))
        """The jobs of such rows, and of which version of the index."""

    def advance(self, index: JobIndex, wanted: Mask, is_time_up: IsTimeUp) -> float:
        """Look on where jobs are `wanted`, at one file or row group at least, so that whoever asks again gets on.

        Returns the share that was looked at, 1 when nothing is left.
        """
        extents = [extent for extent in index.extents if wanted[extent.start : extent.stop].any()]
        for look in self._looks(index, extents):
            look()
            if is_time_up():
                break
        done = len(self._rows) + sum(extent.key in self._found for extent in extents)
        total = len(self._row_groups) + len(extents)
        return done / total if total else 1.0

    def mask(self, index: JobIndex) -> Mask:
        """The jobs that are known to have the text; those whose row has it once all rows were looked at."""
        pieces = [
            self._found.get(extent.key, np.zeros(extent.stop - extent.start, dtype=np.bool_))
            for extent in index.extents
        ]
        mask: Mask = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.bool_)
        return mask | self._jobs_of_rows(index) if len(mask) and len(self._rows) == len(self._row_groups) else mask

    def _looks(self, index: JobIndex, extents: Sequence[Extent]) -> Iterator[Callable[[], None]]:
        """What is still to be looked at, one by one."""
        for path, group in self._row_groups[len(self._rows) :]:
            yield lambda path=path, group=group: self._rows.append(self._rows_with(path, group))  # type: ignore[misc]
        for extent in extents:
            if extent.key not in self._found:
                yield lambda extent=extent: self._found.update({extent.key: self._in_extent(index, extent)})  # type: ignore[misc]

    def _jobs_of_rows(self, index: JobIndex) -> Mask:
        if self._of_rows[0] != index.version:
            rows = np.concatenate([np.zeros(0, np.uint64), *self._rows])
            self._of_rows = (index.version, np.isin(index.columns["row"], rows))
        return self._of_rows[1]

    def _in_extent(self, index: JobIndex, extent: Extent) -> Mask:
        jobs = index.columns["job"][extent.start : extent.stop]
        found: list[NDArray[np.uint64]] = []
        try:
            groups = _segment(extent.path) if extent.is_journal else _groups(extent.path, _RESULTS)
            found += [self._jobs_with(table) for table in groups]
            if extent.scores.exists():
                found += [self._jobs_with(table) for table in _groups(extent.scores, ("job_id", *_SCORES))]
        except (*DAMAGE, EvalmillError):
            pass
        return np.isin(jobs, np.concatenate(found)) if found else np.zeros(len(jobs), dtype=np.bool_)

    def _jobs_with(self, table: pa.Table) -> NDArray[np.uint64]:
        return hashes(table.filter(self._matches(table))["job_id"])

    def _all_row_groups(self) -> list[tuple[Path, int]]:
        found = []
        for path in sorted((self._folder / "rows").glob("*.parquet")):
            with suppress(*DAMAGE, EvalmillError):
                found += [(path, group) for group in range(len(group_sizes(path)))]
        return found

    def _rows_with(self, path: Path, group: int) -> NDArray[np.uint64]:
        """The rows of a row group that have the text in a column of their own."""
        try:
            table = read_group(path, group)
            texts = [field.name for field in table.schema if _is_text(field.type) and field.name != ROW_ID]
            return hashes(table.filter(self._matches(table.select(texts)))[ROW_ID])
        except (*DAMAGE, EvalmillError):
            return np.zeros(0, np.uint64)

    def _matches(self, table: pa.Table) -> pa.ChunkedArray:
        matches = pa.chunked_array([pa.repeat(False, table.num_rows)])
        for column in table.columns:
            if _is_text(column.type):
                has_it = pc.match_substring(column, self._text, ignore_case=True)
                matches = pc.or_(matches, pc.fill_null(has_it, False))
        return matches


def _groups(path: Path, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    for group in range(len(group_sizes(path))):
        yield read_group(path, group, columns)


def _segment(path: Path) -> Iterator[pa.Table]:
    source = SegmentSource(path)
    try:
        for _, table in source.pages(_RESULTS):
            yield table
    finally:
        source.close()


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
