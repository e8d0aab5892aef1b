"""Two runs are compared on the rows that both scored, with the clusters, slices and corrections of the settings."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.records import Metric
from pipeline.core.settings import StatisticsSettings
from pipeline.stats.across_runs import CommonRows, adjust
from pipeline.stats.clusters import clustered_mean
from pipeline.stats.row_means import RowMeans, row_means

EXACT = Metric(name="exact", pass_fail=True, scale="share")
PLAIN = StatisticsSettings()


def means(rows: list[int], values: list[float]) -> RowMeans:
    return row_means(np.array(rows, dtype=np.int32), np.array(values))


A = means([1, 2, 3, 4, 5], [1, 1, 0, 1, 0])
B = means([2, 3, 4, 5, 6], [0, 0, 0, 1, 1])


def test_rows_of_one_side_only_are_counted_and_left_out() -> None:
    found = CommonRows(A, B)
    assert (found.only_a, found.only_b) == (1, 1)
    entry = found.compared(EXACT, PLAIN)
    assert (entry["n"], entry["mean_a"], entry["mean_b"], entry["gained"], entry["lost"]) == (4, 0.5, 0.25, 1, 2)
    assert entry["test"] == "mcnemar_exact"


def test_changed_rows_come_with_the_largest_change_first() -> None:
    found = CommonRows(means([1, 2, 3, 4], [0.9, 0.5, 0.5, 0.1]), means([1, 2, 3, 4], [0.1, 0.4, 0.5, 0.6]))
    assert found.changed(10, higher=False).tolist() == [1, 2]
    assert found.changed(1, higher=False).tolist() == [1]
    assert found.changed(10, higher=True).tolist() == [4]


def test_repeated_rows_take_their_means_and_students_t() -> None:
    a, b = means([1, 1, 2, 2, 3, 3], [1, 0, 1, 1, 0, 0]), means([1, 2, 3], [1, 1, 1])
    entry = CommonRows(a, b).compared(EXACT, PLAIN)
    assert (entry["test"], entry["gained"], entry["lost"]) == ("paired_t", 2, 0)
    assert entry["difference"] == pytest.approx(0.5)


def test_means_that_differ_by_rounding_alone_have_not_changed() -> None:
    a, b = means([1, 1, 1, 2], [0.1, 0.1, 0.1, 0.5]), means([1, 2], [0.1, 0.5 + 1e-9])
    assert a.means[0] != b.means[0]
    found = CommonRows(a, b)
    assert found.changed(10, higher=True).tolist() == [2]
    assert (found.compared(EXACT, PLAIN)["gained"], found.compared(EXACT, PLAIN)["lost"]) == (1, 0)


def test_a_slice_and_clusters_are_by_row_number() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 2, 2], dtype=np.int32)
    entry = CommonRows(A, B).compared(EXACT, PLAIN, clusters)
    assert entry["clusters"] == 3
    assert entry["se"] == pytest.approx(clustered_mean(np.array([-1.0, 0, -1, 1]), clusters[[2, 3, 4, 5]]).se)
    within = np.array([False, False, True, True, False, False, False])
    assert CommonRows(A, B).compared(EXACT, PLAIN, within=within)["n"] == 2


@pytest.mark.parametrize(
    ("way", "expected"), [("holm", [0.02, 0.04, None]), ("benjamini_hochberg", [0.02, 0.04, None])]
)
def test_p_values_are_adjusted_for_what_is_shown_together(way: str, expected: list[float | None]) -> None:
    entries = [{"p": 0.01, "p_adjusted": None}, {"p": 0.04, "p_adjusted": None}, {"p": None, "p_adjusted": None}]
    adjust(entries, StatisticsSettings(adjust=way))  # type: ignore[arg-type]
    assert [entry["p_adjusted"] for entry in entries] == expected
