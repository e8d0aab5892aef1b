"""Chooses which jobs a page shows: failures first, balanced over models and prompts, the same each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SAMPLE_LIMIT = 5_000
_FAILED = ("error", "blocked", "skipped")
_FAILURE, _WRONG, _UNSCORED, _RIGHT = range(4)
_GROUPS = 4
"""Failed jobs, wrong or graded answers, unscored ones, right ones."""

_Cell: TypeAlias = tuple[int, str, str]
"""Group, model, prompt."""
_Entry: TypeAlias = tuple[float, str]
"""Grade and job id: the lowest is shown first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """A batch of jobs, column by column: what is known of each when choosing."""

    job_id: pa.Array
    status: pa.Array
    model: pa.Array
    prompt: pa.Array
    worst: NDArray[np.float64]
    """The lowest verdict of the job's scorers: passed or not, or the value of a graded metric; NaN when unscored."""
    passed: NDArray[np.bool_]
    """Whether that verdict is a pass, and no grade."""


def pick_samples(batches: Iterable[Candidates], limit: int = SAMPLE_LIMIT) -> list[str]:
    """Return at most `limit` job ids in the order in which they are to be shown.

    Errors come first, then wrong answers (the lowest grades first), then unscored, then right ones; within each, models
    and prompts take turns. Where not all fit, each of the four keeps a tenth of the places if it can fill them, so that
    one outage does not hide every answer. Memory is bounded by `limit` and the cells, not by the candidates.
    """
    cells: dict[_Cell, list[_Entry]] = {}
    most = max(limit, 1)
    for batch in batches:
        groups = _groups(batch)
        for cell, jobs in _jobs_by_cell(batch, groups):
            held = cells.setdefault(cell, [])
            grades = batch.worst[jobs] if cell[0] == _WRONG else np.zeros(jobs.size)
            held += _better(grades, batch.job_id.take(pa.array(jobs)), held[most - 1] if len(held) >= most else None)
            held.sort()
            del held[most:]
    lines = [_in_turns(cells, group, limit) for group in range(_GROUPS)]
    sizes = _places([len(line) for line in lines], limit)
    return list(chain.from_iterable(line[:size] for line, size in zip(lines, sizes, strict=True)))


def _groups(batch: Candidates) -> NDArray[Any]:
    failed = np.asarray(pc.is_in(batch.status, value_set=pa.array(_FAILED, batch.status.type)), dtype=np.bool_)
    return np.select([failed, np.isnan(batch.worst), batch.passed], [_FAILURE, _UNSCORED, _RIGHT], _WRONG)


def _jobs_by_cell(batch: Candidates, groups: NDArray[Any]) -> Iterator[tuple[_Cell, NDArray[np.int64]]]:
    models, prompts = batch.model.dictionary_encode(), batch.prompt.dictionary_encode()
    codes = (groups * len(models.dictionary) + np.asarray(models.indices)) * len(prompts.dictionary)
    codes += np.asarray(prompts.indices)
    for code in np.unique(codes):
        jobs = np.flatnonzero(codes == code)
        first = int(jobs[0])
        yield (int(groups[first]), batch.model[first].as_py(), batch.prompt[first].as_py()), jobs


def _better(grades: NDArray[np.float64], job_ids: pa.Array, bound: _Entry | None) -> Iterator[_Entry]:
    """The entries that come before `bound`: all without one."""
    if bound is not None:
        earlier_id = np.asarray(pc.less(job_ids, bound[1]), dtype=np.bool_)
        kept = np.flatnonzero((grades < bound[0]) | ((grades == bound[0]) & earlier_id))
        grades, job_ids = grades[kept], job_ids.take(pa.array(kept))
    return zip(grades.tolist(), job_ids.to_pylist(), strict=True)


def _in_turns(cells: dict[_Cell, list[_Entry]], group: int, limit: int) -> list[str]:
    lines = [held for (number, *_), held in sorted(cells.items()) if number == group]
    turns: Iterator[tuple[_Entry | None, ...]] = zip_longest(*lines)
    return [entry[1] for turn in turns for entry in turn if entry is not None][:limit]


def _places(sizes: list[int], limit: int) -> list[int]:
    kept = [min(size, limit // 10) for size in sizes]
    free = limit - sum(kept)
    for number, size in enumerate(sizes):
        more = min(size - kept[number], free)
        kept[number] += more
        free -= more
    return kept
