"""Jobs that a page may show: each with the worst of its verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.report.samples import pick_samples
from pipeline.steps.candidates import candidates

Verdict = tuple[str, bool | None, float | None]
"""Job, passed, value."""


def written(folder: Path, *verdicts: Verdict, jobs: str = "abc") -> tuple[Path, Path]:
    results, scores = folder / "results.parquet", folder / "scores.parquet"
    columns = {"status": ["ok"] * len(jobs), "model": ["m"] * len(jobs), "prompt": ["p"] * len(jobs)}
    pq.write_table(pa.table({"job_id": list(jobs), **columns}), results, row_group_size=2)
    kinds = {"job_id": pa.string(), "passed": pa.bool_(), "value": pa.float64()}
    lists = zip(*verdicts, strict=True) if verdicts else ((), (), ())
    arrays = [pa.array(values, kind) for values, kind in zip(lists, kinds.values(), strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, names=list(kinds)), scores)
    return results, scores


@pytest.mark.parametrize(
    ("verdicts", "worst", "passed"),
    [
        ([], np.nan, False),
        ([("b", None, None)], np.nan, False),
        ([("b", None, None), ("b", True, 1.0)], 1.0, True),
        ([("b", True, 1.0), ("b", False, 0.0), ("b", None, 0.5)], 0.0, False),
        ([("b", True, 1.0), ("a", False, 0.0), ("b", None, 0.4), ("c", False, 0.0)], 0.4, False),
        ([("b", True, 1.0), ("b", None, 1.0)], 1.0, True),
        ([("b", None, 1.0), ("b", True, 1.0)], 1.0, False),
        ([("b", True, 0.3)], 1.0, True),
        ([("stranger", False, 0.0)], np.nan, False),
    ],
)
def test_a_job_has_its_worst_verdict(tmp_path: Path, verdicts: list[Verdict], worst: float, passed: bool) -> None:
    (batch,) = candidates([written(tmp_path, *verdicts)])
    assert batch.job_id.to_pylist() == ["a", "b", "c"]
    np.testing.assert_array_equal(batch.worst[1], worst)
    assert batch.passed[1] == passed


def test_a_part_without_scores_has_unscored_jobs(tmp_path: Path) -> None:
    results, scores = written(tmp_path)
    scores.unlink()
    (batch,) = candidates([(results, scores)])
    assert np.isnan(batch.worst).all()


def test_the_wrong_ones_are_picked_first(tmp_path: Path) -> None:
    parts = [written(tmp_path, ("a", True, 1.0), ("b", None, 0.9), ("c", None, 0.2))]
    assert pick_samples(candidates(parts)) == ["c", "b", "a"]
