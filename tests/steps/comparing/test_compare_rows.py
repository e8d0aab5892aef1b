"""The rows of two runs: equal content has equal hashes however it is stored, and other content has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import DataError
from pipeline.steps.comparing.rows import column_texts, content_hashes, kept_rows, row_ids, shown_column


def rows(folder: Path, columns: dict[str, Any], group: int = 2) -> Path:
    """Write rows/ with row groups of `group` rows."""
    (folder / "rows").mkdir(parents=True)
    table = pa.table({"row_id": [f"r{number}" for number in range(len(next(iter(columns.values()))))], **columns})
    pq.write_table(table, folder / "rows" / "rows-000000000.parquet", row_group_size=group)
    return folder


VALUES: dict[str, list[Any]] = {
    "text": ["a", "", None, "가"],
    "number": [1, 2, None, -4],
    "nested": [{"x": [1, 2]}, None, {"x": []}, {"x": [3]}],
    "bytes": [b"\x00\xff", b"", None, b"a"],
    "flag": [True, False, None, True],
}


def test_equal_rows_have_equal_hashes_in_other_row_groups_and_wider_types(tmp_path: Path) -> None:
    one = kept_rows(rows(tmp_path / "a", VALUES))
    wider = {
        **VALUES,
        "number": pa.array(VALUES["number"], pa.int8()),
        "text": pa.array(VALUES["text"], pa.large_string()),
    }
    other = kept_rows(rows(tmp_path / "b", wider, group=3))
    assert one.columns == tuple(VALUES)
    assert content_hashes(one, one.columns).tolist() == content_hashes(other, other.columns).tolist()
    assert row_ids(one).to_pylist() == ["r0", "r1", "r2", "r3"]


@pytest.mark.parametrize(
    ("column", "place", "value"),
    [("text", 1, None), ("number", 0, 3), ("nested", 2, {"x": [1]}), ("bytes", 0, b"\x00\xfe"), ("flag", 2, False)],
)
def test_another_value_has_another_hash_and_all_others_stay(
    tmp_path: Path, column: str, place: int, value: Any
) -> None:
    changed = {**VALUES, column: [value if row == place else old for row, old in enumerate(VALUES[column])]}
    one, other = kept_rows(rows(tmp_path / "a", VALUES)), kept_rows(rows(tmp_path / "b", changed))
    same = content_hashes(one, one.columns) == content_hashes(other, other.columns)
    assert [row for row in range(4) if not same[row]] == [place]


def test_a_column_is_read_as_texts_with_nulls_left_out(tmp_path: Path) -> None:
    places, texts = column_texts(kept_rows(rows(tmp_path, VALUES)), "number")
    assert [None if place < 0 else texts[place].as_py() for place in places] == ["1", "2", None, "-4"]


def test_a_dataset_column_called_row_id_keeps_its_name() -> None:
    assert shown_column("row_id (dataset)") == "row_id"


def test_a_run_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows/ is empty"):
        kept_rows(tmp_path)
