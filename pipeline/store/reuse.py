"""Answers of earlier runs, found by what was asked: an index in memory; rows are read when they are taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.core.records import ANSWERED
from pipeline.store.folder import holds_run, read_run
from pipeline.store.sources import DAMAGE, Page, Source, open_sources

_COLUMNS = ("fingerprint", "repeat", "row_id", "status", "run_id", "reused_from", "request_id", "finished_at")
_ANSWER = np.dtype([("key", np.int64), ("row", np.int32), ("source", np.int32), ("place", np.uint32)])
"""One answer: hashes of what was asked and of the row's id, and where it is stored."""
_FOUND = np.dtype([*_ANSWER.descr, ("origin", np.int64)])
"""An answer as it is read in: with a hash of what makes it one answer, whatever run holds a copy."""
_ROW_BITS = 0x7FFF_FFFF

_Index = NDArray[np.void]
Row = dict[str, Any]


class Wanted(NamedTuple):
    """What an answer is looked for."""

    fingerprints: tuple[str, ...]
    """Any of these; the first that has an answer counts."""
    repeat: int
    row_id: str


class EarlierAnswers:
    """Every answer of earlier runs, each to be taken once; 1,000,000 take about 100 MB while they are read in."""

    def __init__(self, sources: Sequence[Source], index: _Index, notes: list[str]) -> None:
        """Use `find_earlier` instead."""
        self.notes = notes
        """What could not be read, in words for the user."""
        self._sources = sources
        order = np.argsort(index["key"], kind="stable")
        self._index = index[order]
        self._keys = np.ascontiguousarray(self._index["key"])
        self._used = np.zeros(len(index), dtype=np.bool_)
        self._unreadable: set[int] = set()
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the files that are held open."""
        for source in self._sources:
            source.close()

    def __len__(self) -> int:
        """How many answers there are, taken ones included."""
        return len(self._index)

    def take(self, wanted: Sequence[Wanted]) -> list[Row | None]:
        """An unused answer for each, as its whole row, that of the same row id first; from any thread."""
        with self._lock:
            found = [self._choose(want, self._used) for want in wanted]
            rows = self._read([place for place in found if place is not None])
        return [
            row if row is not None and _answers(row, want) else None
            for want, place in zip(wanted, found, strict=True)
            for row in [None if place is None else rows.get(place)]
        ]

    def cover(self, wanted: Iterable[Wanted | None]) -> bool:
        """Whether there is an unused answer for each, taken by none; there is none for None. Stops at the first."""
        with self._lock:
            used = self._used.copy()
            return all(want is not None and self._choose(want, used) is not None for want in wanted)

    def claim(self, wanted: Sequence[Wanted]) -> list[bool]:
        """Whether there is an unused answer for each; it counts as used then, and its row is not read."""
        with self._lock:
            return [self._choose(want, self._used) is not None for want in wanted]

    def _choose(self, want: Wanted, used: NDArray[np.bool_]) -> int | None:
        for fingerprint in want.fingerprints:
            key = hash((fingerprint, want.repeat))
            start, stop = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
            free = start + np.flatnonzero(~used[start:stop])
            if not free.size:
                continue
            same_row = free[self._index["row"][free] == hash(want.row_id) & _ROW_BITS]
            chosen = int(same_row[0] if same_row.size else free[0])
            used[chosen] = True
            return chosen
        return None

    def _read(self, chosen: Sequence[int]) -> dict[int, Row]:
        """The rows of these answers; those of a file that cannot be read any more are left out."""
        rows: dict[int, Row] = {}
        numbers = self._index["source"][list(chosen)]
        for number in np.unique(numbers).tolist():
            mine = [position for position, of in zip(chosen, numbers, strict=True) if of == number]
            source = self._sources[number]
            try:
                rows.update(zip(mine, source.rows(self._index["place"][mine].tolist()), strict=True))
            except DAMAGE as error:
                if number not in self._unreadable:
                    self._unreadable.add(number)
                    self.notes.append(_not_reused(source.path, error))
        return rows


def find_earlier(home: Path, own: Path, statuses: Collection[str] = ANSWERED, *, folders: str = "*") -> EarlierAnswers:
    """The answers with one of `statuses` in the run folders below `home`, but not those that `own` holds already.

    `folders` is the glob that finds run folders from there.

    The newest folders come first. A copy of an answer counts as the answer that it is a copy of.
    """
    notes: list[str] = []
    sources: list[Source] = []
    others = [folder for folder in _runs(home, folders, notes) if not _same(folder, own)]
    found: list[_Index] = []
    if others:
        known = _origins_of(own, notes)
    for folder in others:
        index = _index_of(folder, sources, statuses, notes)
        origins, first = np.unique(index["origin"], return_index=True)
        is_new = ~np.isin(origins, known)
        found.append(_without_origin(index, np.sort(first[is_new])))
        del index, first
        known = np.concatenate([known, origins[is_new]])
    return EarlierAnswers(sources, _joined(found, _ANSWER), notes)


def no_earlier() -> EarlierAnswers:
    """No answers."""
    return EarlierAnswers([], np.zeros(0, _ANSWER), [])


def _runs(home: Path, pattern: str, notes: list[str]) -> Iterator[Path]:
    try:
        folders = sorted((path for path in home.glob(pattern) if holds_run(path)), reverse=True)
    except OSError:
        return
    for folder in folders:
        try:
            read_run(folder)
        except EvalmillError as error:
            notes.append(_not_reused(folder, error))
        else:
            yield folder


def _same(folder: Path, own: Path) -> bool:
    return folder.resolve() == own.resolve()


def _origins_of(folder: Path, notes: list[str]) -> NDArray[np.int64]:
    """Where the results of a run came from; the answers among them are taken."""
    sources: list[Source] = []
    origins = np.unique(_index_of(folder, sources, None, notes)["origin"])
    for source in sources:
        source.close()
    return origins


def _index_of(folder: Path, sources: list[Source], statuses: Collection[str] | None, notes: list[str]) -> _Index:
    """The index of one run folder, whose files are added to `sources`; of all results when `statuses` is None."""
    try:
        opened = open_sources(folder)
    except DAMAGE as error:
        notes.append(_not_reused(folder, error))
        return np.zeros(0, _FOUND)
    pages: list[_Index] = []
    for source in opened:
        sources.append(source)
        try:
            pages += [_index_page(page, len(sources) - 1, statuses) for page in source.pages(_COLUMNS)]
        except DAMAGE as error:
            notes.append(_not_reused(source.path, error))
    return _joined(pages, _FOUND)


def _joined(pieces: list[_Index], kind: np.dtype[np.void]) -> _Index:
    """One array of all pieces, which are given up one by one, so that memory never holds all twice."""
    whole = np.empty(sum(map(len, pieces)), kind)
    end = len(whole)
    while pieces:
        piece = pieces.pop()
        whole[end - len(piece) : end] = piece
        end -= len(piece)
    return whole


def _without_origin(index: _Index, chosen: NDArray[np.int64]) -> _Index:
    kept = np.empty(len(chosen), _ANSWER)
    for name in _ANSWER.names or ():
        kept[name] = index[name][chosen]
    return kept


def _index_page(page: Page, source: int, statuses: Collection[str] | None) -> _Index:
    places, table = page
    if statuses is not None:
        kept = pc.fill_null(pc.is_in(table["status"], pa.array(sorted(statuses), pa.string())), False)
        places, table = places[np.asarray(kept)], table.filter(kept)
    called_by = pc.coalesce(table["reused_from"], table["run_id"])
    finished = table["finished_at"].cast(pa.int64())
    index = np.zeros(len(places), _FOUND)
    index["key"] = _hashes(table["fingerprint"], table["repeat"])
    index["row"] = [hash(row_id) & _ROW_BITS for row_id in table["row_id"].to_pylist()]
    index["origin"] = _hashes(table["fingerprint"], table["repeat"], called_by, table["request_id"], finished)
    index["place"] = places
    index["source"] = source
    return index


def _hashes(*columns: pa.ChunkedArray) -> list[int]:
    return list(map(hash, zip(*(column.to_pylist() for column in columns), strict=True)))


def _answers(row: Row, want: Wanted) -> bool:
    """Whether a row is what its hash promised."""
    return row["fingerprint"] in want.fingerprints and row["repeat"] == want.repeat


def _not_reused(path: Path, error: Exception) -> str:
    return f"{path} could not be read ({error}); its answers are not reused"
