"""Rows numbered by their ids, and the dataset's columns beside them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.stats.grouping import NO_GROUP, RowNumbers


def test_equal_numbers_are_equal_ids_whatever_the_order_of_the_answers() -> None:
    numbers = RowNumbers(columns=["subject"])
    numbers.add_dataset(pa.chunked_array([["a", "b"]]), {"subject": pa.chunked_array([["law", None]])})
    numbers.add_dataset(pa.chunked_array([["c"]]), {"subject": pa.chunked_array([["art"]])})
    numbers.add_results(pa.chunked_array([["c", "a"], ["b"]]))
    numbers.add_results(pa.chunked_array([["a", "stranger"]]))
    found = numbers.numbers()
    assert found.tolist() == [2, 0, 1, 0, 3]
    subject = numbers.groups(4)["subject"]
    assert [None if code == NO_GROUP else subject.values[code].as_py() for code in subject.of(found)] == [
        "art", "law", None, "law", None,
    ]  # fmt: skip


def test_a_row_without_a_value_is_a_cluster_of_its_own() -> None:
    numbers = RowNumbers(columns=["passage"])
    numbers.add_dataset(pa.chunked_array([list("abcde")]), {"passage": pa.chunked_array([[1, None, 1, None, 2]])})
    numbers.add_results(pa.chunked_array([list("abcde")]))
    clusters = numbers.groups(numbers.numbers().size)["passage"].clusters_of(np.arange(5, dtype=np.int32))
    assert clusters[0] == clusters[2]
    assert np.unique(clusters).size == 4


def test_without_columns_the_dataset_is_not_needed() -> None:
    numbers = RowNumbers()
    numbers.add_results(pa.chunked_array([["x", "y", "x"]]))
    assert numbers.numbers().tolist() == [0, 1, 0]
    assert numbers.groups(2) == {}
    assert RowNumbers().numbers().size == 0
