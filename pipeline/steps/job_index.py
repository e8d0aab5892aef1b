"""The index of a run's jobs: what lists of them are filtered and sorted by, as columns in memory; no lock is taken.

Parts never change, so each is read once; what a running process adds is read when somebody looks again. A million jobs
take about 60 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.store.journal import FOLDER as JOURNAL
from pipeline.store.parts import read_part
from pipeline.store.sources import DAMAGE, Page, Source, open_sources

FAILED, WRONG, GRADED, UNSCORED, RIGHT = range(5)
OUTCOMES = ("failed", "wrong", "graded", "unscored", "right")
_ENDED_BADLY = ("error", "blocked", "skipped")
_NAMED = {"model": "model", "prompt": "prompt", "params": "params", "status": "status", "stop": "stop_reason_raw"}
"""Columns of few different texts, kept as numbers, and what results call them."""
_INPUT = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_RESULTS = ("job_id", "row_id", "repeat", *_NAMED.values(), *_INPUT, "output_tokens", "cost_usd", "latency_ms")

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Extent:
    """The jobs `start` to `stop` of the index, which one file holds."""

    path: Path
    scores: Path
    key: tuple[Any, ...]
    """Changes when the file or its scores do."""
    start: int
    stop: int

    @property
    def is_journal(self) -> bool:
        """Whether the file is a segment that a process may still be writing."""
        return self.path.parent.name == JOURNAL


class Names:
    """Different texts by number, in the order in which they were first seen."""

    def __init__(self) -> None:
        """Begin without any."""
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text, a new one if it is new."""
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]

    def coded(self, values: pa.ChunkedArray) -> NDArray[np.int32]:
        """A column as numbers; null is the empty text."""
        array = pc.fill_null(values.combine_chunks(), "")
        array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
        encoded = array.dictionary_encode()
        numbers = np.array([self.number(text) for text in encoded.dictionary.to_pylist()], dtype=np.int32)
        return numbers[np.asarray(encoded.indices)] if len(array) else np.zeros(0, dtype=np.int32)


class JobIndex:
    """The jobs of one run folder, in the order of their files; positions in the index name jobs."""

    def __init__(self, folder: Path) -> None:
        """Index `folder` with the first `refresh`."""
        self.folder = folder
        self.names = {name: Names() for name in _NAMED}
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
            for source in sorted(sources, key=lambda one: one.path.parent.name == JOURNAL):
                pieces += self._piece(source, kept)
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

    def _piece(self, source: Source, kept: Mapping[tuple[Any, ...], Extent]) -> Iterator[tuple[Extent, Columns]]:
        scores = self.folder / "scores" / source.path.name
        key = (source.path.name, _stamp(source.path), _stamp(scores))
        old = kept.get(key)
        if old is not None:
            yield old, {name: column[old.start : old.stop] for name, column in self.columns.items()}
            return
        try:
            columns = self._read(source, scores)
        except (*DAMAGE, EvalmillError) as error:
            self.problems.append(f"{source.path.name}: {error}")
            return
        yield Extent(source.path, scores, key, 0, len(columns["job"])), columns

    def _read(self, source: Source, scores: Path) -> Columns:
        pages = list(source.pages(_RESULTS))
        if not pages:
            pages = [_no_page()]
        places, table = np.concatenate([page[0] for page in pages]), pa.concat_tables([page[1] for page in pages])
        columns: Columns = {
            "place": places,
            "job": hashes(table["job_id"]),
            "row": hashes(table["row_id"]),
            "repeat": np.asarray(pc.fill_null(table["repeat"], 0)).astype(np.int32),
            **{name: self.names[name].coded(table[column]) for name, column in _NAMED.items()},
            "tokens": _sum(table, (*_INPUT, "output_tokens")),
            "cost": _floats(table["cost_usd"], np.float64),
            "latency": _floats(table["latency_ms"]),
        }
        columns["value"], columns["passed"] = self._verdicts(scores, table["job_id"])
        return columns

    def _verdicts(self, path: Path, job_ids: pa.ChunkedArray) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Value and pass of each job by scorer; NaN and -1 where there is none."""
        if not path.exists():
            return np.full((len(job_ids), 0), np.nan, np.float32), np.full((len(job_ids), 0), -1, np.int8)
        scores = read_part(path, columns=["job_id", "scorer", "value", "passed"])
        scorers = self.scorers.coded(scores["scorer"])
        shape = (len(job_ids), len(self.scorers.texts))
        values, passed = np.full(shape, np.nan, np.float32), np.full(shape, -1, np.int8)
        jobs = np.asarray(pc.fill_null(pc.index_in(scores["job_id"], value_set=job_ids.combine_chunks()), -1))
        known = np.flatnonzero(jobs >= 0)
        values[jobs[known], scorers[known]] = _floats(scores["value"])[known]
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


def hashes(texts: pa.Array | pa.ChunkedArray) -> NDArray[np.uint64]:
    """A number for each text, the same for the same text in this process."""
    column = pl.from_arrow(texts)
    assert isinstance(column, pl.Series)
    found: NDArray[np.uint64] = column.fill_null("").hash().to_numpy()
    return found


def worst(values: NDArray[np.float32], passed: NDArray[np.int8]) -> NDArray[np.float32]:
    """The lowest verdict of each job over its scorers: passed or not where one says so, else the value; NaN without."""
    verdicts = np.where(passed >= 0, passed.astype(np.float32), values)
    if not verdicts.shape[1]:
        return np.full(len(verdicts), np.nan, np.float32)
    lowest = np.where(np.isnan(verdicts), np.float32(np.inf), verdicts).min(axis=1)
    found: NDArray[np.float32] = np.where(np.isinf(lowest), np.float32(np.nan), lowest)
    return found


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _no_page() -> Page:
    from pipeline.store.schema import results_columns

    return np.zeros(0, np.int64), results_columns([], _RESULTS)


def _floats(column: pa.ChunkedArray, kind: type[np.floating[Any]] = np.float32) -> NDArray[Any]:
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), np.nan)).astype(kind)


def _sum(table: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    """The sum of the known columns; NaN where none is known."""
    columns = np.stack([_floats(table[name]) for name in names])
    unknown = np.isnan(columns).all(axis=0)
    total: NDArray[np.float32] = np.where(unknown, np.float32(np.nan), np.nansum(columns, axis=0))
    return total


def _wide(columns: Columns, scorers: int) -> Columns:
    """Verdicts of as many scorers as there are now."""
    missing = scorers - columns["value"].shape[1]
    if not missing:
        return {}
    return {
        "value": np.pad(columns["value"], ((0, 0), (0, missing)), constant_values=np.nan),
        "passed": np.pad(columns["passed"], ((0, 0), (0, missing)), constant_values=-1),
    }
