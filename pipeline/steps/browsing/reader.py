"""Reads single jobs of a run for the viewer: their results, scores and prompts, by their positions in the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.errors import EvalmillError
from pipeline.core.records import Request
from pipeline.report.view import Sample, SampleScore, Turn
from pipeline.steps.browsing.columns import READERS, hashes, read_ahead
from pipeline.steps.browsing.index import Extent, JobIndex
from pipeline.steps.present import Prompts, turns_of
from pipeline.steps.rows import ROW_ID, RowLookup
from pipeline.steps.sample_rows import RESULT_COLUMNS, SCORE_COLUMNS, result_rows, sample_of, score_rows
from pipeline.store.parts import group_sizes, read_group
from pipeline.store.schema import results_table
from pipeline.store.sources import DAMAGE, SegmentSource


class JobReader:
    """Reads the jobs of one run folder."""

    def __init__(self, index: JobIndex, run: Mapping[str, Any]) -> None:
        """Read what `index` has, with the templates that `run` records."""
        self._index = index
        self._run = run

    def samples(self, positions: Sequence[int], limit: int, columns: Sequence[str] = RESULT_COLUMNS) -> list[Sample]:
        """The jobs at these positions, in their order, their texts cut at `limit` characters.

        Jobs of a file that cannot be read are left out. Only row groups that hold one of the jobs are read.
        """
        rows: dict[int, dict[str, Any]] = {}
        scores: dict[str, list[SampleScore]] = {}

        def read(extent: Extent) -> tuple[list[int], list[dict[str, Any]], dict[str, list[SampleScore]]]:
            mine = [position for position in positions if extent.start <= position < extent.stop]
            try:
                table = self._table(extent, self._index.columns["place"][mine], columns)
                return mine, result_rows(table, limit), _scores(extent, table["job_id"], limit)
            except (*DAMAGE, EvalmillError):
                return [], [], {}

        wanted = {self._index.extent_of(position) for position in positions}
        with ThreadPoolExecutor(READERS) as readers:
            for mine, mine_rows, mine_scores in read_ahead(readers, read, sorted(wanted, key=lambda one: one.start)):
                rows |= zip(mine, mine_rows, strict=True)
                scores |= mine_scores
        found = [rows[position] for position in positions if position in rows]
        return [
            sample_of(row, scores.get(row["job_id"], ()), turns, prefill)
            for row, (turns, prefill) in zip(found, self._asked(found), strict=True)
        ]

    def _table(self, extent: Extent, places: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        if extent.is_journal:
            return _of_segment(extent.path, places)
        return _of_part(extent.path, places, columns)

    def _asked(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[Turn, ...], str]]:
        """What was asked, and the beginning of the answer that was sent with it."""
        asked = [(row["row_id"], row["prompt"]) for row in rows]
        try:
            requests: list[Request | str] = Prompts(self._run, RowLookup(self._index.folder)).requests(asked)
        except (*DAMAGE, EvalmillError) as error:
            requests = [f"what was asked cannot be shown: {error}"] * len(asked)
        return [(turns_of(request), "" if isinstance(request, str) else request.prefill) for request in requests]


def row_ranks(index: JobIndex) -> NDArray[np.int64]:
    """The place of each job's row in the dataset; rows that are not there come last."""
    ids: list[NDArray[np.uint64]] = []
    try:
        for path in sorted((index.folder / "rows").glob("*.parquet")):
            ids += [hashes(read_group(path, group, [ROW_ID])[ROW_ID]) for group in range(len(group_sizes(path)))]
    except EvalmillError:
        pass
    known = np.concatenate(ids) if ids else np.zeros(0, np.uint64)
    order = np.argsort(known, kind="stable")
    places = np.searchsorted(known[order], index.columns["row"])
    inside = np.minimum(places, max(len(known) - 1, 0))
    if not len(known):
        return np.zeros(len(index), np.int64)
    ranks: NDArray[np.int64] = np.where(known[order][inside] == index.columns["row"], order[inside], len(known))
    return ranks


def _of_part(path: Path, places: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """The results at these row numbers, in their order."""
    sizes = [rows for rows, _ in group_sizes(path)]
    ends = np.cumsum(sizes)
    groups = np.searchsorted(ends, places, side="right")
    tables, order = [], []
    for group in np.unique(groups):
        inside = np.flatnonzero(groups == group)
        table = read_group(path, int(group), columns)
        tables.append(table.take(places[inside] - (ends[group] - sizes[group])))
        order += inside.tolist()
    return pa.concat_tables(tables).take(np.argsort(order))


def _of_segment(path: Path, places: NDArray[np.int64]) -> pa.Table:
    source = SegmentSource(path)
    try:
        rows = source.rows(places.tolist())
    finally:
        source.close()
    return results_table(_as_journal(rows)).select(list(RESULT_COLUMNS))


def _as_journal(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their moments and amounts as texts again, as tables are made of them."""
    return [
        {**row, "attempts": [_texts(attempt) for attempt in row["attempts"] or ()], **_texts(row, ("attempts",))}
        for row in rows
    ]


def _texts(row: Mapping[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in row.items() if name not in but}


def _scores(extent: Extent, job_ids: pa.ChunkedArray, limit: int) -> dict[str, list[SampleScore]]:
    found: dict[str, list[SampleScore]] = {}
    if not extent.scores.exists():
        return found
    for group in range(len(group_sizes(extent.scores))):
        ids = read_group(extent.scores, group, ["job_id"])["job_id"]
        mine = pc.is_in(ids, value_set=job_ids.combine_chunks().cast(ids.type))
        if pc.any(mine).as_py():
            table = read_group(extent.scores, group, SCORE_COLUMNS).filter(mine)
            for job_id, scores in score_rows(table, limit).items():
                found.setdefault(job_id, []).extend(scores)
    return found
