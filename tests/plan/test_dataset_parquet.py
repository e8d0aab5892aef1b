"""Parquet and Arrow files: types, damage, row groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import DataError
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import open_dataset
from pipeline.plan.read_ipc import IpcReader
from pipeline.plan.read_parquet import ParquetReader


def rows_of(path: Path) -> list[dict[str, Any]]:
    dataset = open_dataset(DatasetSettings(path=str(path)))
    return [record for batch in dataset.batches(dataset.survey()) for record in batch.records()]


def written(path: Path, table: pa.Table, row_group_size: int = 1000) -> Path:
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def test_values_are_plain_python(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["가"],
            "bytes": [b"\xff"],
            "money": [Decimal("1.10")],
            "when": pa.array([1_700_000_000_000_000_123], pa.timestamp("ns", tz="UTC")),
            "long": pa.array([timedelta(seconds=1)], pa.duration("ns")),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "nested": [{"solution": "4", "list": [1, None]}],
            "word": pa.array(["x"]).dictionary_encode(),
            "json": pa.array(['{"a": 1}'], pa.json_()),
            "nothing": pa.nulls(1),
        }
    )
    assert rows_of(written(tmp_path / "rows.parquet", table)) == [
        {
            "text": "가",
            "bytes": b"\xff",
            "money": Decimal("1.10"),
            "when": datetime(2023, 11, 14, 22, 13, 20, 0, UTC),
            "long": timedelta(seconds=1),
            "map": {"k": 1},
            "nested": {"solution": "4", "list": [1, None]},
            "word": "x",
            "json": '{"a": 1}',
            "nothing": None,
        }
    ]


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 10), (9, 11), (25, 30), (25, 99), (30, 40), (12, 12)])
def test_any_range_of_rows_is_read(tmp_path: Path, start: int, stop: int | None) -> None:
    path = written(tmp_path / "rows.parquet", pa.table({"n": list(range(30))}), row_group_size=10)
    found = [(first, batch["n"].to_pylist()) for first, batch in ParquetReader(path).read(start, stop)]
    assert [n for _, values in found for n in values] == list(range(30))[start:stop]
    assert all(first == values[0] for first, values in found)


def test_row_groups_outside_the_range_are_not_read(tmp_path: Path) -> None:
    table = pa.table({"text": [f"row {i} " * 50 for i in range(300)]})
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, row_group_size=100, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    place = content.index(b"row 150 ")
    content[place] ^= 0xFF
    path.write_bytes(content)
    reader = ParquetReader(path)
    assert sum(batch.num_rows for _, batch in reader.read(0, 100)) == 100
    assert sum(batch.num_rows for _, batch in reader.read(200, 300)) == 100
    with pytest.raises(DataError, match=r"rows\.parquet is damaged"):
        list(reader.read(0, 300))


def test_a_flipped_bit_is_found_before_the_run_where_pages_have_checksums(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(
        pa.table({"id": [1, 2], "text": ["aaaa", "bbbb"]}),
        path,
        row_group_size=1,
        write_page_checksum=True,
        compression="none",
    )
    path.write_bytes(path.read_bytes().replace(b"bbbb", b"bbbc", 1))
    dataset = open_dataset(DatasetSettings(path=str(path), id="id", limit=1))
    with pytest.raises(DataError, match="damaged"):
        dataset.survey()


def test_a_row_group_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.parquet", pa.table({"n": list(range(1000))}))
    with pytest.raises(DataError, match="write the file with smaller row groups"):
        ParquetReader(path, max_group_bytes=100)


def test_a_value_that_expands_a_thousandfold_is_decoded_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"t": ["A" * (20 << 20)] * 3}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    assert [batch.num_rows for _, batch in ParquetReader(path).read()] == [1, 1, 1]


def test_large_rows_close_a_batch_early(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": list(range(20)), "t": ["A" * (4 << 20)] * 20}), path)
    dataset = open_dataset(DatasetSettings(path=str(path), id="id"))
    batches = list(dataset.batches(dataset.survey()))
    assert len(batches) > 1
    assert [row_id for batch in batches for row_id in batch.row_ids] == [str(i) for i in range(20)]


@pytest.mark.parametrize("kind", ["file", "stream", "compressed"])
def test_arrow_files_and_streams_are_read(tmp_path: Path, kind: str) -> None:
    table = pa.table({"n": list(range(2500)), "t": [f"text {i}" for i in range(2500)]})
    path = tmp_path / "rows.arrow"
    options = pa.ipc.IpcWriteOptions(compression="zstd" if kind == "compressed" else None)
    maker = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with maker(path, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=1200)
    assert rows_of(path) == table.to_pylist()
    pieces = list(IpcReader(path).read(1100, 2450))
    assert [n for _, batch in pieces for n in batch["n"].to_pylist()] == list(range(1100, 2450))
    assert all(first == batch["n"][0].as_py() for first, batch in pieces)


@pytest.mark.parametrize("content", [b"ARROW1\0\0", b"id,text\n1,a\n", b"ARROW1\0\0" + b"\xff" * 64 + b"ARROW1"])
def test_a_damaged_arrow_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.feather"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.feather"):
        open_dataset(DatasetSettings(path=str(path)))
