"""The samples of one run for the explorer: lists, searches and single rows, each answered in a worker thread."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.clock import Clock
from pipeline.report.payload import as_payload, as_text
from pipeline.report.visible import TEXT_LIMIT
from pipeline.steps.browsing.index import JobIndex
from pipeline.steps.browsing.query import SORTS, JobView, Query
from pipeline.steps.browsing.reader import JobReader, row_ranks
from pipeline.steps.browsing.search import TextSearch
from pipeline.steps.sample_rows import LINE_COLUMNS
from pipeline.store.folder import read_run
from pipeline.view.workers import IsDropped

LIST_TEXT_LIMIT = 600
"""Characters of a text that a line of the list carries; it shows three lines."""
WHOLE_TEXT_LIMIT = 4_000_000
"""Characters of one text that are given when somebody asks for all of it."""
MOST_LINES = 200
MOST_BESIDE = 200
_SEARCHES = 8


class RunExplorer:
    """Answers for one run folder; one call at a time, others wait in their threads."""

    def __init__(self, folder: Path, clock: Clock, search_seconds: float) -> None:
        """Answer for `folder`, searching `search_seconds` at a time.

        Raises OutputError or DataError when it holds no run that can be read.
        """
        self._run: Mapping[str, Any] = read_run(folder)
        self._index = JobIndex(folder)
        self._reader = JobReader(self._index, self._run)
        self._view = JobView(self._index)
        self._searches: OrderedDict[str, TextSearch] = OrderedDict()
        self._turn = threading.Lock()
        self._clock = clock
        self._search_seconds = search_seconds

    def listed(self, query: Query, offset: int, length: int, is_dropped: IsDropped) -> dict[str, Any]:
        """Lines `offset` to `offset + length` of the jobs that match, ready for JSON.

        A search that is not done when its time is up says how far it got in `searched`, with what it found so far; one
        that nobody waits for any more stops.
        Raises OSError or DiskError when the folder cannot be read.
        """
        with self._turn:
            self._refresh()
            mask, searched = self._view.mask(query), 1.0
            if query.text:
                search, deadline = self._search(query.text), self._clock.monotonic() + self._search_seconds
                searched = search.advance(
                    self._index, mask, lambda: is_dropped() or self._clock.monotonic() >= deadline
                )
                mask &= search.mask(self._index)
            sort = query.sort if query.sort in SORTS else SORTS[0]
            order = self._view.order(sort, query.scorer, lambda: row_ranks(self._index))
            matching = order[mask[order]] if len(order) else order
            positions = matching[offset : offset + min(length, MOST_LINES)].tolist()
            samples = self._reader.samples(positions, LIST_TEXT_LIMIT, LINE_COLUMNS)
        return {
            "total": len(self._index),
            "matching": len(matching),
            "searched": searched,
            "items": [as_payload(sample, LIST_TEXT_LIMIT) for sample in samples],
            "facets": self._view.facets(),
            "note": self._note(),
        }

    def row(self, job_id: str) -> list[dict[str, Any]]:
        """The job and the other jobs of its row, ready for JSON; empty where there is no such job."""
        with self._turn:
            self._refresh()
            position = self._index.find(job_id)
            if position is None:
                return []
            beside = [other for other in self._index.row_of(position).tolist() if other != position]
            samples = self._reader.samples([position, *beside[: MOST_BESIDE - 1]], TEXT_LIMIT)
        return [as_payload(sample) for sample in samples]

    def whole(self, job_id: str) -> str | None:
        """All texts of one job, one below the other; None where there is no such job."""
        with self._turn:
            self._refresh()
            position = self._index.find(job_id)
            samples = [] if position is None else self._reader.samples([position], WHOLE_TEXT_LIMIT)
        return as_text(samples[0]) if samples else None

    def _refresh(self) -> None:
        self._index.refresh()
        if self._view.version != self._index.version:
            self._view = JobView(self._index)

    def _search(self, text: str) -> TextSearch:
        search = self._searches.pop(text, None) or TextSearch(self._index.folder, text)
        self._searches[text] = search
        if len(self._searches) > _SEARCHES:
            self._searches.popitem(last=False)
        return search

    def _note(self) -> str:
        planned = self._run.get("planned_jobs")
        notes = [f"{problem} is not shown." for problem in self._index.problems[:3]]
        if isinstance(planned, int) and planned > len(self._index):
            notes.append(f"The run has {len(self._index):,} of its {planned:,} jobs so far.")
        return " ".join(notes)


class Explorers:
    """The explorers of the runs that were looked at last: an index takes memory."""

    def __init__(self, clock: Clock, search_seconds: float, most: int = 3) -> None:
        """Keep the `most` recent ones."""
        self._clock = clock
        self._search_seconds = search_seconds
        self._most = most
        self._kept: OrderedDict[Path, tuple[float, RunExplorer]] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, folder: Path) -> RunExplorer:
        """The explorer of a run; a new one where another run took its place in the folder."""
        with self._turn:
            stamp = _stamp(folder)
            kept = self._kept.pop(folder, None)
            explorer = kept[1] if kept is not None and kept[0] == stamp else self._opened(folder)
            self._kept[folder] = (stamp, explorer)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return explorer

    def _opened(self, folder: Path) -> RunExplorer:
        return RunExplorer(folder, self._clock, self._search_seconds)


def _stamp(folder: Path) -> float:
    try:
        return (folder / "run.json").stat().st_mtime
    except OSError:
        return np.nan
