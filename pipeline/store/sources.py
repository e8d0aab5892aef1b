"""The results of a run that another process may be writing: read without its lock, and nothing is changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.store import manifest as manifests
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.journal import decode_line, read_lines, segment_files
from pipeline.store.manifest import Part
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS, check_group
from pipeline.store.schema import RESULTS_SCHEMA, results_table

DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, pa.ArrowException)
"""What reading a damaged or foreign file may raise."""
_PAGE_ROWS = 1_000
_LOOKS = 3

Page = tuple[NDArray[np.int64], pa.Table]
"""Some results, each with its place in the source."""


class Source(Protocol):
    """One file of results. What it raises is in DAMAGE."""

    path: Path

    def pages(self, columns: Sequence[str]) -> Iterator[Page]:
        """All results, some at a time; columns that the file does not have are null."""
        ...

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """The whole results at these places, in their order."""
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...


def open_sources(folder: Path) -> list[Source]:
    """The files that hold the results of the run in `folder`: the journal, and the newest valid manifest's parts.

    A running writer may turn the journal into parts meanwhile: then it is looked at once more. Raises OSError.
    """
    for name in (RESULTS, JOURNAL, manifests.FOLDER):
        if (folder / name).is_symlink():
            raise OSError(f"{folder / name} is a symlink")
    for _ in range(_LOOKS - 1):
        with suppress(FileNotFoundError):
            return _open_sources(folder)
    return _open_sources(folder)


class PartSource:
    """A part; its places are row numbers."""

    def __init__(self, path: Path, part: Part) -> None:
        """Raise OSError when the file is not the one that the manifest lists."""
        self.path = path
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != part.bytes:
            raise OSError(f"{path} is not what the manifest lists")

    def pages(self, columns: Sequence[str]) -> Iterator[Page]:
        """One page for each row group."""
        start = 0
        with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                table = _read_group(file, group, columns)
                yield np.arange(start, start + table.num_rows, dtype=np.int64), table
                start += table.num_rows

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Read the row groups that hold some of the places, one at a time."""
        wanted = np.asarray(places, dtype=np.int64)
        found: dict[int, dict[str, Any]] = {}
        with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            groups = np.searchsorted(ends, wanted, side="right")
            for group in np.unique(groups):
                inside = np.flatnonzero(groups == group)
                table = _read_group(file, int(group), RESULTS_SCHEMA.names)
                taken = table.take(wanted[inside] - (ends[group] - sizes[group]))
                found.update(zip(inside.tolist(), taken.to_pylist(), strict=True))
        return [found[position] for position in range(len(places))]

    def close(self) -> None:
        """Nothing is held open."""


class SegmentSource:
    """A journal segment, held open, since its writer may remove it; its places are the offsets of lines."""

    def __init__(self, path: Path) -> None:
        """Raise OSError when it cannot be opened."""
        self.path = path
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        self._file: BinaryIO = os.fdopen(fd, "rb")

    def pages(self, columns: Sequence[str]) -> Iterator[Page]:
        """Damaged lines and a torn tail are passed over."""
        self._file.seek(0)
        places: list[int] = []
        records: list[dict[str, Any]] = []
        start = 0
        for end, record in read_lines(self._file):
            if record is not None and "start" not in record:
                places.append(start)
                records.append(record)
            start = end
            if len(records) >= _PAGE_ROWS:
                yield _page(places, records, columns)
                places, records = [], []
        if records:
            yield _page(places, records, columns)

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Read the lines again; ValueError when one is no longer there."""
        records = [self._record(place) for place in places]
        rows: list[dict[str, Any]] = results_table(records).to_pylist()
        return rows

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _record(self, place: int) -> dict[str, Any]:
        self._file.seek(place)
        record = decode_line(self._file.readline())
        if record is None:
            raise ValueError(f"{self.path} has no result at {place:,} any more")
        return record


def _open_sources(folder: Path) -> list[Source]:
    """The journal first: what leaves it before the manifest is read stands in that manifest's parts."""
    with ExitStack() as opened:
        segments: dict[int, SegmentSource] = {}
        for number, path in segment_files(folder).items():
            segments[number] = SegmentSource(path)
            opened.callback(segments[number].close)
        manifest, _ = manifests.newest(LocalObjects(folder))
        parts = [PartSource(folder / RESULTS / part.file, part) for part in manifest.parts]
        opened.pop_all()
    for number in [number for number in segments if number <= manifest.compacted_through]:
        segments.pop(number).close()
    return [*segments.values(), *parts]


def _read_group(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> pa.Table:
    check_group(file, group)
    there = set(file.schema_arrow.names)
    present = [name for name in columns if name in there]
    table = file.read_row_group(group, columns=present, use_threads=False)
    for name in columns:
        if name not in present:
            table = table.append_column(
                RESULTS_SCHEMA.field(name), pa.nulls(table.num_rows, RESULTS_SCHEMA.field(name).type)
            )
    return table.select(columns)


def _page(places: list[int], records: list[dict[str, Any]], columns: Sequence[str]) -> Page:
    return np.asarray(places, dtype=np.int64), results_table(records).select(columns)
