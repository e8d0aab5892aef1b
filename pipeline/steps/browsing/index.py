"""The index of a run's jobs: what lists of them are filtered and sorted by, as columns in memory; no lock is taken.

Parts never change, so each is read once; what a running process adds is read when somebody looks again. A million jobs
take about 60 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.steps.browsing.columns import (
    INPUT,
    NAMED,
    READERS,
    Columns,
    Names,
    Stored,
    floats,
    hashes,
    known_sum,
    read_ahead,
    read_stored,
)
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.sources import DAMAGE, Source, open_sources

FAILED, WRONG, GRADED, UNSCORED, RIGHT = range(5)
OUTCOMES = ("failed", "wrong", "graded", "unscored", "right")
_ENDED_BADLY = ("error", "blocked", "skipped")


Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Extent:
    """The jobs `start` to `stop` of the index, which one file holds."""

    path: Path
    scores: Path
    key: Key
    """Changes when the file or its scores do."""
    start: int
    stop: int

    @property
    def is_journal(self) -> bool:
        """Whether the file is a segment that a process may still be writing."""
        return self.path.parent.name == JOURNAL


class JobIndex:
    """The jobs of one run folder, in the order of their files; positions in the index name jobs."""

    def __init__(self, folder: Path) -> None:
        """Index `folder` with the first `refresh`."""
        self.folder = folder
        self.names = {name: Names() for name in NAMED}
        self.scorers = Names()
        self.extents: list[Extent] = []
        self.columns: Columns = {}
        self.version = 0
        """Raised by every change."""
        self.problems: list[str] = []
        """Files that could not be read, in words."""

    def __len__(self) -> int:
        """The number of jobs."""
        return self.extents[-1].stop if self.extents else 0

    def refresh(self) -> None:
        """Read what is new in the folder; OSError where that cannot be done."""
        kept = {extent.key: extent for extent in self.extents}
        pieces: list[tuple[Extent, Columns]] = []
        self.problems = []
        sources = open_sources(self.folder)
        try:
            # Parts before the journal: a job that stands in both is the part's.
            ordered = sorted(sources, key=lambda one: one.path.parent.name == JOURNAL)
            with ThreadPoolExecutor(READERS) as readers:
                for source, key, stored in read_ahead(readers, self._stored(kept), ordered):
                    pieces += self._piece(source, key, stored, kept)
        finally:
            for source in sources:
                source.close()
        if [extent.key for extent, _ in pieces] == [extent.key for extent in self.extents]:
            return
        self._put(pieces)

    def find(self, job_id: str) -> int | None:
        """The position of a job."""
        if not len(self):
            return None
        found = np.flatnonzero(self.columns["job"] == hashes(pa.array([job_id]))[0])
        return int(found[0]) if found.size else None

    def row_of(self, position: int) -> NDArray[np.int64]:
        """The positions of all jobs of the same row."""
        rows = self.columns["row"]
        found: NDArray[np.int64] = np.flatnonzero(rows == rows[position])
        return found

    def extent_of(self, position: int) -> Extent:
        """Where a job is stored."""
        stops = np.array([extent.stop for extent in self.extents])
        return self.extents[int(np.searchsorted(stops, position, side="right"))]

    def graded(self) -> list[bool]:
        """For each scorer whether it grades instead of passing."""
        values, passed = self.columns["value"], self.columns["passed"]
        return [
            bool(np.any((passed[:, number] < 0) & ~np.isnan(values[:, number])))
            for number in range(len(self.scorers.texts))
        ]

    def _stored(self, kept: Mapping[Key, Extent]) -> Callable[[Source], tuple[Source, Key, Stored | str | None]]:
        """Reads a source with its scores; the reason where it cannot, nothing where it is known."""

        def read(source: Source) -> tuple[Source, Key, Stored | str | None]:
            scores = self.folder / "scores" / source.path.name
            key = (source.path.name, _stamp(source.path), _stamp(scores))
            if key in kept:
                return source, key, None
            try:
                return source, key, read_stored(source, scores)
            except (*DAMAGE, EvalmillError) as error:
                return source, key, f"{source.path.name}: {error}"

        return read

    def _piece(
        self, source: Source, key: Key, stored: Stored | str | None, kept: Mapping[Key, Extent]
    ) -> Iterator[tuple[Extent, Columns]]:
        if stored is None:
            old = kept[key]
            yield old, {name: column[old.start : old.stop] for name, column in self.columns.items()}
        elif isinstance(stored, str):
            self.problems.append(stored)
        else:
            columns = self._columns(stored)
            scores = self.folder / "scores" / source.path.name
            yield Extent(source.path, scores, key, 0, len(columns["job"])), columns

    def _columns(self, stored: Stored) -> Columns:
        table = stored.results
        columns: Columns = {
            "place": stored.places,
            "job": hashes(table["job_id"]),
            "row": hashes(table["row_id"]),
            "repeat": np.asarray(pc.fill_null(table["repeat"], 0)).astype(np.int32),
            **{name: self.names[name].coded(table[column]) for name, column in NAMED.items()},
            "tokens": known_sum(table, (*INPUT, "output_tokens")),
            "cost": floats(table["cost_usd"], np.float64),
            "latency": floats(table["latency_ms"]),
        }
        columns["value"], columns["passed"] = self._verdicts(stored.scores, table["job_id"])
        return columns

    def _verdicts(
        self, scores: pa.Table | None, job_ids: pa.ChunkedArray
    ) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Value and pass of each job by scorer; NaN and -1 where there is none."""
        if scores is None:
            return np.full((len(job_ids), 0), np.nan, np.float32), np.full((len(job_ids), 0), -1, np.int8)
        scorers = self.scorers.coded(scores["scorer"])
        shape = (len(job_ids), len(self.scorers.texts))
        values, passed = np.full(shape, np.nan, np.float32), np.full(shape, -1, np.int8)
        jobs = np.asarray(pc.fill_null(pc.index_in(scores["job_id"], value_set=job_ids.combine_chunks()), -1))
        known = np.flatnonzero(jobs >= 0)
        values[jobs[known], scorers[known]] = floats(scores["value"])[known]
        told = np.asarray(pc.fill_null(scores["passed"].cast(pa.int8()), -1))
        passed[jobs[known], scorers[known]] = told[known]
        return values, passed

    def _put(self, pieces: Sequence[tuple[Extent, Columns]]) -> None:
        """Make the pieces the index; a job of the journal is passed by where a part holds it, or an earlier line."""
        extents: list[Extent] = []
        tables: list[Columns] = []
        scorers = len(self.scorers.texts)
        seen: NDArray[Any] | None = None
        start = 0
        for extent, columns in pieces:
            if extent.is_journal:
                if seen is None:
                    seen = np.concatenate([table["job"] for table in tables]) if tables else np.zeros(0, np.uint64)
                _, firsts = np.unique(columns["job"], return_index=True)
                fresh = np.sort(firsts[~np.isin(columns["job"][firsts], seen)])
                seen = np.concatenate([seen, columns["job"][fresh]])
                columns = {name: column[fresh] for name, column in columns.items()}
            size = len(columns["job"])
            tables.append({**columns, **_wide(columns, scorers)})
            extents.append(Extent(extent.path, extent.scores, extent.key, start, start + size))
            start += size
        names = tables[0] if tables else {}
        self.columns = {name: np.concatenate([table[name] for table in tables]) for name in names}
        self.extents = extents
        if tables:
            self.columns["outcome"] = self._outcomes()
        self.version += 1

    def _outcomes(self) -> NDArray[np.int8]:
        """Each job by its worst score, as the pages sort samples."""
        statuses = [text in _ENDED_BADLY for text in self.names["status"].texts]
        failed = np.array(statuses, dtype=np.bool_)[self.columns["status"]]
        passed, values = self.columns["passed"], self.columns["value"]
        known = ((passed >= 0) | ~np.isnan(values)).any(axis=1)
        conditions = [failed, (passed == 0).any(axis=1), ~known, (passed == 1).any(axis=1)]
        outcomes: NDArray[np.int8] = np.select(conditions, [FAILED, WRONG, UNSCORED, RIGHT], GRADED).astype(np.int8)
        return outcomes


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _wide(columns: Columns, scorers: int) -> Columns:
    """Verdicts of as many scorers as there are now."""
    missing = scorers - columns["value"].shape[1]
    if not missing:
        return {}
    return {
        "value": np.pad(columns["value"], ((0, 0), (0, missing)), constant_values=np.nan),
        "passed": np.pad(columns["passed"], ((0, 0), (0, missing)), constant_values=-1),
    }
