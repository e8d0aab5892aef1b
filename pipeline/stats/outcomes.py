"""Scores brought beside the results of the same batch, as plain columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core.records import Metric
from pipeline.stats.row_means import Sums

LEFT_OUT_STATUSES = ("error", "blocked", "skipped")
NO_LABEL, PASSED_LABEL = 0, 1
"""Of answers in which the scorer found nothing, and of all that passed."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One scorer's verdicts, job by job."""

    value: NDArray[np.float64]
    """NaN unless scored."""
    passed: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    """The scorer or the reference failed, or the job has an answer and no score."""
    sums: Sums | None
    """Of corpus figures: a row of statistics for each job, NaN unless scored; no columns where none is scored."""
    labels: NDArray[np.uint64] | None
    """What each answer comes down to: equal for equal answers, and for all that passed."""


def read_outcomes(results: pa.Table, scores: pa.Table, metrics: Sequence[Metric]) -> dict[str, Outcomes]:
    """Find each job's verdict by each scorer; labels only where the scores have the column `extracted`.

    Raises ValueError for scores of other jobs, of unknown scorers, or given twice: those files do not belong together.
    """
    job_ids = pc.cast(results["job_id"].combine_chunks(), pa.string())
    jobs = np.asarray(pc.fill_null(pc.index_in(scores["job_id"].cast(pa.string()), value_set=job_ids), -1))
    if (jobs < 0).any():
        stranger = scores["job_id"][int(np.argmax(jobs < 0))]
        raise ValueError(f"a score is of job {stranger}, which is not among the results of its batch")
    known = [metric.name for metric in metrics]
    names = scores["scorer"].cast(pa.string())
    which = np.asarray(pc.fill_null(pc.index_in(names, value_set=pa.array(known, pa.string())), -1))
    if (which < 0).any():
        raise ValueError(f'a score is by "{names[int(np.argmax(which < 0))]}", known are: {", ".join(known)}')
    if np.unique(which.astype(np.int64) * max(1, len(job_ids)) + jobs).size < jobs.size:
        raise ValueError("a job is scored twice by the same scorer")
    failed = np.asarray(pc.is_in(results["status"], pa.array(LEFT_OUT_STATUSES)), dtype=np.bool_)
    found = {}
    for number, metric in enumerate(metrics):
        mine = which == number
        found[metric.name] = _outcomes(scores.filter(pa.array(mine)), jobs[mine], metric, failed)
    return found


def _outcomes(scores: pa.Table, jobs: NDArray[np.int64], metric: Metric, failed: NDArray[np.bool_]) -> Outcomes:
    """The verdicts of one scorer; `jobs` has the position of each score's job."""
    given = pc.fill_null(scores["value"].cast(pa.float64()), np.nan).to_numpy()
    scored = np.asarray(pc.equal(scores["status"], "scored"), dtype=np.bool_) & np.isfinite(given)
    did_pass = scored & np.asarray(pc.fill_null(scores["passed"], False), dtype=np.bool_)
    value = np.full(failed.size, np.nan)
    passed = np.zeros(failed.size, dtype=np.bool_)
    left_out = failed.copy()
    sums = None
    if metric.corpus is not None:
        scored, found = _sums(scores, scored)
        sums = np.full((failed.size, found.shape[1]), np.nan, dtype=found.dtype)
        sums[jobs] = found
    value[jobs] = np.where(scored, given, np.nan)
    passed[jobs] = did_pass
    left_out[jobs] |= np.asarray(pc.equal(scores["status"], "left_out"), dtype=np.bool_)
    return Outcomes(
        value=value,
        passed=passed,
        unscored=np.isnan(value) & ~left_out,
        sums=sums,
        labels=_labels(scores, did_pass, jobs, failed.size) if "extracted" in scores.column_names else None,
    )


def _sums(scores: pa.Table, scored: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Sums]:
    """Which scores have statistics, and those of each: a column for each of the kind's, none where no score has any."""
    lists = scores["sums"].combine_chunks()
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), dtype=np.int64)
    width = int(lengths.max(initial=0))
    given = scored & (lengths == width) & (width > 0)
    sums = np.full((lengths.size, width), np.nan)
    sums[given] = np.asarray(pc.list_flatten(lists.filter(pa.array(given))), dtype=np.float64).reshape(-1, width)
    narrow = sums.astype(np.float32)
    return given, narrow if np.array_equal(narrow, sums, equal_nan=True) else sums


def _labels(scores: pa.Table, passed: NDArray[np.bool_], jobs: NDArray[np.int64], size: int) -> NDArray[np.uint64]:
    """Hashes instead of texts: 8 bytes for each job, however long its answer is."""
    import polars as pl

    extracted = pl.Series(scores["extracted"].combine_chunks())
    hashed = extracted.hash(0).to_numpy() | np.uint64(2)
    mine = np.where(passed, np.uint64(PASSED_LABEL), np.where(extracted.is_null(), np.uint64(NO_LABEL), hashed))
    labels = np.full(size, NO_LABEL, dtype=np.uint64)
    labels[jobs] = mine
    return labels
