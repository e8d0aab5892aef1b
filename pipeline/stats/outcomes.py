"""Scores brought beside the results of the same batch, as plain columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LEFT_OUT_STATUSES = ("error", "blocked", "skipped")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One scorer's verdicts, job by job."""

    value: NDArray[np.float64]
    """NaN unless scored."""
    passed: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    """The scorer or the reference failed, or the job has an answer and no score."""


def read_outcomes(results: pa.Table, scores: pa.Table, scorers: Sequence[str]) -> dict[str, Outcomes]:
    """Find each job's verdict by each scorer.

    Raises ValueError for scores of other jobs, of unknown scorers, or given twice: those files do not belong together.
    """
    job_ids = pc.cast(results["job_id"].combine_chunks(), pa.string())
    jobs = np.asarray(pc.fill_null(pc.index_in(scores["job_id"].cast(pa.string()), value_set=job_ids), -1))
    if (jobs < 0).any():
        stranger = scores["job_id"][int(np.argmax(jobs < 0))]
        raise ValueError(f"a score is of job {stranger}, which is not among the results of its batch")
    names = scores["scorer"].cast(pa.string())
    which = np.asarray(pc.fill_null(pc.index_in(names, value_set=pa.array(list(scorers), pa.string())), -1))
    if (which < 0).any():
        raise ValueError(f'a score is by "{names[int(np.argmax(which < 0))]}", known are: {", ".join(scorers)}')
    if np.unique(which.astype(np.int64) * max(1, len(job_ids)) + jobs).size < jobs.size:
        raise ValueError("a job is scored twice by the same scorer")
    value = pc.fill_null(scores["value"].cast(pa.float64()), np.nan).to_numpy()
    scored = np.asarray(pc.equal(scores["status"], "scored"), dtype=np.bool_) & np.isfinite(value)
    found = _Scores(
        jobs=jobs,
        which=which,
        value=np.where(scored, value, np.nan),
        passed=scored & np.asarray(pc.fill_null(scores["passed"], False), dtype=np.bool_),
        left_out=np.asarray(pc.equal(scores["status"], "left_out"), dtype=np.bool_),
    )
    failed = np.asarray(pc.is_in(results["status"], pa.array(LEFT_OUT_STATUSES)), dtype=np.bool_)
    return {name: _outcomes(found, index, failed) for index, name in enumerate(scorers)}


@dataclass(frozen=True, slots=True)
class _Scores:
    jobs: NDArray[np.int64]
    which: NDArray[np.int64]
    value: NDArray[np.float64]
    passed: NDArray[np.bool_]
    left_out: NDArray[np.bool_]


def _outcomes(scores: _Scores, scorer: int, failed: NDArray[np.bool_]) -> Outcomes:
    mine = scores.which == scorer
    jobs = scores.jobs[mine]
    value = np.full(failed.size, np.nan)
    passed = np.zeros(failed.size, dtype=np.bool_)
    left_out = failed.copy()
    value[jobs] = scores.value[mine]
    passed[jobs] = scores.passed[mine]
    left_out[jobs] |= scores.left_out[mine]
    return Outcomes(value=value, passed=passed, unscored=np.isnan(value) & ~left_out)
