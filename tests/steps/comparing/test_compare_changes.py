"""Of a row that was asked several times, the answers are shown that differ most."""

from __future__ import annotations

import numpy as np

from pipeline.steps.comparing.changes import extreme_jobs

JOBS = np.array([10, 11, 12, 13, 14])
ROWS = np.array([5, 5, 5, 7, 7], dtype=np.int32)
VALUES = np.array([0.0, 1.0, 1.0, np.nan, 0.5])


def test_the_highest_and_the_lowest_value_of_each_row_are_found() -> None:
    assert extreme_jobs(JOBS, ROWS, VALUES, highest=True) == {5: 11, 7: 14}
    assert extreme_jobs(JOBS, ROWS, VALUES, highest=False) == {5: 10, 7: 14}


def test_answers_without_a_score_are_never_shown() -> None:
    assert extreme_jobs(JOBS, ROWS, np.full(5, np.nan), highest=True) == {}
