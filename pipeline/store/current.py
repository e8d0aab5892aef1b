"""The results of a run as they stand: parts and journal together, each job once, without the lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import DiskError
from pipeline.store import manifest as manifests
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.journal import at_stake, read_lines, segment_files
from pipeline.store.manifest import Manifest
from pipeline.store.objects import LocalObjects
from pipeline.store.parts import RESULTS
from pipeline.store.replacement import Replaced, stored_replaced, with_earlier_attempts
from pipeline.store.schema import results_columns
from pipeline.store.segments import Start, known_usd
from pipeline.store.sources import DAMAGE, PartSource

_KEYS = ("job_id", "finished_at", "attempts")
"""Columns that tell whether a journal's result is in a part already."""
_OF_RECORDS = ("replaces", "status", "cost_usd")
"""What a journal's result needs beside them to carry a part's row on."""

Row = dict[str, Any]
Take = Callable[[pa.Table], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstored:
    """Requests that left and have no result: lost with a process, or on their way."""

    requests: int = 0
    usd: Decimal = Decimal(0)
    """What was at stake for them, as far as known."""


def stored_rows(folder: Path) -> int:
    """The results in the parts that the newest valid manifest lists."""
    return sum(part.rows for part in manifests.newest(LocalObjects(folder))[0].parts)


def part_hashes(folder: Path) -> frozenset[str]:
    """The hashes of these parts; two folders that share one hold the same results."""
    return frozenset(part.sha256 for part in manifests.newest(LocalObjects(folder))[0].parts)


def read_current(folder: Path, columns: Sequence[str], take: Take) -> Unstored:
    """Give `take` every result of the run in `folder`, some rows at a time, in `columns`; memory holds one row group.

    Safe beside a running writer and on folders of strangers. DiskError says what is damaged or missing; what `take`
    was given until then is to be forgotten. A writer that moves results meanwhile can cause it: look again.
    """
    try:
        return _read(folder, columns, take)
    except DAMAGE as error:
        found = "a file is missing" if isinstance(error, FileNotFoundError) else error
        raise DiskError(f"{folder}: is damaged: {found}; `evalmill verify` lists what is wrong") from error


def manifest_number(folder: Path) -> int:
    """The number of the newest valid manifest: while it is the same, no result has moved."""
    return manifests.newest(LocalObjects(folder))[0].number


def _read(folder: Path, columns: Sequence[str], take: Take) -> Unstored:
    for name in (RESULTS, JOURNAL, manifests.FOLDER):
        if (folder / name).is_symlink():
            raise OSError(f"{folder / name} is a symlink")
    with ExitStack() as opened:
        # The journal first: what leaves it before the manifest is read stands in that manifest's parts.
        segments = {number: opened.enter_context(_opened(path)) for number, path in segment_files(folder).items()}
        manifest, invalid = manifests.newest(LocalObjects(folder))
        if invalid and not manifest.number:
            raise ValueError(next(iter(invalid.values())))
        journal = _Journal.read(segments, manifest, columns)
    if not manifest.number and any((folder / RESULTS).glob("*.parquet")):
        raise ValueError("there are results and no manifest that lists them")
    for part in manifest.parts:
        for _, page in PartSource(folder / RESULTS / part.file, part).pages(journal.columns_of_parts(columns)):
            take(journal.without(page, part.file).select(list(columns)))
    if journal.rows:
        take(results_columns(list(journal.rows.values()), columns))
    open_starts = journal.open_starts
    counted = manifest.unanswered
    return Unstored(requests=counted.requests + len(open_starts), usd=counted.usd + known_usd(open_starts))


class _Journal:
    """What the journal holds beyond the parts."""

    def __init__(self, rows: dict[str, Row], starts: Mapping[str, Start]) -> None:
        self.rows = rows
        self.open_starts = {job: start for job, start in starts.items() if start.usd != 0 and job not in rows}
        self._ids = pa.array(list(rows), pa.string())

    @classmethod
    def read(cls, segments: Mapping[int, BinaryIO], manifest: Manifest, columns: Sequence[str]) -> _Journal:
        """The segments that the manifest does not cover; of two results of a job the older counts."""
        rows: dict[str, Row] = {}
        starts: dict[str, Start] = {}
        names = dict.fromkeys((*_KEYS, *_OF_RECORDS, *columns))
        for number in sorted(number for number in segments if number > manifest.compacted_through):
            for record in _records(segments[number]):
                if "start" not in record:
                    rows.setdefault(record["job_id"], {name: record[name] for name in names if name in record})
                elif number > manifest.unanswered.through:
                    starts[record["start"]] = Start(at_stake(record), record.get("shard"))
        return cls(rows, starts)

    def columns_of_parts(self, columns: Sequence[str]) -> list[str]:
        """What is to be read of the parts: the keys only where the journal holds anything."""
        return list(dict.fromkeys((*columns, *(_KEYS if self.rows else ()))))

    def without(self, page: pa.Table, file: str) -> pa.Table:
        """The rows of a part that count; one that a newer result replaces is carried on by that result."""
        if not len(self._ids):
            return page
        both = page.select(list(_KEYS)).filter(pc.is_in(page["job_id"], value_set=self._ids))
        carried_on = [job for job, old in stored_replaced(file, both).items() if self._carries_on(job, old)]
        return page.filter(pc.invert(pc.is_in(page["job_id"], value_set=pa.array(carried_on, pa.string()))))

    def _carries_on(self, job: str, old: Replaced) -> bool:
        record = self.rows.pop(job, {})
        is_newer = "replaces" in record and record["replaces"] == old.finished_us
        if is_newer:
            self.rows[job] = with_earlier_attempts(record, old)
        return is_newer


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _records(file: BinaryIO) -> Iterator[Row]:
    return (record for _, record in read_lines(file) if record is not None)
