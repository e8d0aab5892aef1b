"""The dataset's rows in a run folder: kept once, and found again by their ids."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import DataError, DiskError
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import open_dataset
from pipeline.steps.rows import OWN_ROW_ID, ROW_ID, RowLookup, keep_rows
from pipeline.store.folder import create_run
from pipeline.store.run_store import RunStore
from tests.support.store import RUN

ROWS = 2_500


def kept(folder: Path, table: pa.Table, id_column: str = "id") -> Path:
    pq.write_table(table, folder / "data.parquet", row_group_size=600)
    dataset = open_dataset(DatasetSettings(path=str(folder / "data.parquet"), id=id_column))
    create_run(folder / "run", RUN)
    with RunStore.open(folder / "run") as store:
        keep_rows(store, dataset, dataset.survey())
    return folder / "run"


def numbered(rows: int = ROWS, letters: int = 10) -> pa.Table:
    return pa.table({"id": [f"r{n}" for n in range(rows)], "n": range(rows), "text": ["x" * letters] * rows})


def found(run: Path, *ids: str) -> list[int]:
    return [record["n"] for record in RowLookup(run).records(pa.array(ids, pa.string()))]


def test_rows_come_in_the_order_of_the_ids_and_as_often(tmp_path: Path) -> None:
    run = kept(tmp_path, numbered())
    assert found(run, "r2400", "r7", "r2400", "r1200") == [2400, 7, 2400, 1200]
    assert found(run) == []


def test_one_lookup_serves_ids_from_everywhere_again_and_again(tmp_path: Path) -> None:
    lookup = RowLookup(kept(tmp_path, numbered(letters=5_000)))
    for numbers in (range(2_000, ROWS), range(700), range(0, ROWS, 100)):
        ids = pa.chunked_array([[f"r{n}" for n in numbers[:50]], [f"r{n}" for n in numbers[50:]]], pa.string())
        assert [record["n"] for record in lookup.records(ids)] == list(numbers)


def test_large_rows_are_kept_in_small_groups(tmp_path: Path) -> None:
    run = kept(tmp_path, numbered(letters=5_000))
    (file,) = (run / "rows").glob("*.parquet")
    metadata = pq.read_metadata(file)
    assert metadata.num_rows == ROWS
    assert metadata.num_row_groups > 2


def test_an_id_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    run = kept(tmp_path, numbered(20))
    with pytest.raises(DataError, match="2 row ids of the results are not among the run's rows"):
        found(run, "r1", "strange", "strange")


def test_a_column_called_row_id_stays_what_it_was(tmp_path: Path) -> None:
    table = pa.table({"name": ["a", "b"], "n": [1, 2], ROW_ID: ["own a", "own b"]})
    run = kept(tmp_path, table, "name")
    (file,) = (run / "rows").glob("*.parquet")
    assert pq.read_schema(file).names == [ROW_ID, "name", "n", OWN_ROW_ID]
    assert list(RowLookup(run).records(pa.array(["b"]))) == [{"name": "b", "n": 2, ROW_ID: "own b"}]


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    table = pa.table({"name": ["a", "b"], "n": [1, 2], ROW_ID: ["own a", "own b"]})
    run = kept(tmp_path, table, "name")
    ids = pa.array(["b"])
    assert list(RowLookup(run, ["n", "strange"]).records(ids)) == [{"n": 2}]
    assert list(RowLookup(run, [ROW_ID]).records(ids)) == [{ROW_ID: "own b"}]
    assert list(RowLookup(run, []).records(ids)) == [{}]


def test_rows_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    run = kept(tmp_path, numbered(20))
    (file,) = (run / "rows").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DiskError, match=r"rows-0+\.parquet: is damaged"):
        RowLookup(run)
    file.unlink()
    with pytest.raises(DataError, match="rows/ is empty"):
        RowLookup(run)
