"""Candidates: the jobs that a page may show, each with the worst verdict of its scorers, and those of the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.report.samples import SAMPLE_LIMIT, Candidates
from pipeline.store.parts import read_part

Parts = Sequence[tuple[Path, Path]]
"""Results parts, each with the scores of the same jobs."""


def candidates(parts: Parts) -> Iterator[Candidates]:
    """Every job of the parts with its worst verdict; memory holds one part."""
    for results_path, scores_path in parts:
        jobs = read_part(results_path, columns=["job_id", "status", "model", "prompt"]).combine_chunks()
        columns = {name: pa.concat_arrays(jobs[name].chunks) for name in jobs.column_names}
        worst, passed = _worst_verdicts(scores_path, columns["job_id"])
        yield Candidates(**columns, worst=worst, passed=passed)


def _worst_verdicts(path: Path, job_ids: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The lowest verdict of each job, NaN without any, and whether it is a pass; of equal ones the first counts.

    A verdict is passed or not where a scorer says so, else the value.
    """
    worst, is_pass = np.full(len(job_ids), np.nan), np.zeros(len(job_ids), dtype=np.bool_)
    if not path.exists():
        return worst, is_pass
    scores = read_part(path, columns=["job_id", "passed", "value"])
    verdicts = np.asarray(pc.fill_null(pc.coalesce(scores["passed"].cast(pa.float64()), scores["value"]), np.nan))
    passes = np.asarray(pc.fill_null(scores["passed"], False), dtype=np.bool_)
    jobs = np.asarray(pc.fill_null(pc.index_in(scores["job_id"], value_set=job_ids), -1))
    known = np.flatnonzero(~np.isnan(verdicts) & (jobs >= 0))
    ordered = known[np.lexsort((verdicts[known], jobs[known]))]
    found, firsts = np.unique(jobs[ordered], return_index=True)
    worst[found] = verdicts[ordered[firsts]]
    is_pass[found] = passes[ordered[firsts]]
    return worst, is_pass


def with_their_rows(chosen: Sequence[str], parts: Parts, limit: int = SAMPLE_LIMIT) -> list[str]:
    """The jobs `chosen`, each followed by the other jobs of its row that are not there yet: at most `limit` in all.

    So what a page holds of a row it holds whole, for as many rows as there is room.
    """
    tables = [read_part(results_path, columns=["job_id", "row_id"]) for results_path, _ in parts]
    if sum(table.num_rows for table in tables) == len(chosen):
        return list(chosen)
    jobs = pa.array(chosen, pa.string())
    mine = [table.filter(pc.is_in(table["job_id"], value_set=jobs)) for table in tables]
    rows = pc.unique(pa.chunked_array([chunk for table in mine for chunk in table["row_id"].chunks], pa.string()))
    row_of: dict[str, str] = {}
    for table in mine:
        row_of.update(zip(table["job_id"].to_pylist(), table["row_id"].to_pylist(), strict=True))
    jobs_of: dict[str, list[str]] = {}
    for table in tables:
        siblings = table.filter(pc.is_in(table["row_id"], value_set=rows))
        for job_id, row_id in zip(siblings["job_id"].to_pylist(), siblings["row_id"].to_pylist(), strict=True):
            jobs_of.setdefault(row_id, []).append(job_id)
    ordered: dict[str, None] = {}
    for job_id in chosen:
        if len(ordered) >= limit:
            break
        if job_id not in ordered:
            ordered |= dict.fromkeys([job_id, *jobs_of[row_of[job_id]]])
    return list(ordered)[:limit]
