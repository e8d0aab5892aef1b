"""Surveys, ids, selection and batches, the same for every format."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import DataError, SettingsError
from pipeline.core.fingerprint import digest
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import Dataset, Survey, open_dataset, select
from pipeline.plan.read_ids import check_ids, number_repeats


def parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=7)
    return path


def surveyed(path: Path | str, **options: Any) -> tuple[Dataset, Survey]:
    dataset = open_dataset(DatasetSettings(path=str(path), **options))
    return dataset, dataset.survey()


def ids_of(path: Path | str, **options: Any) -> list[str]:
    result: list[str] = surveyed(path, **options)[1].row_ids.to_pylist()
    return result


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"id": i, "text": f"row {i}"} for i in range(count)]


def test_a_survey_counts_and_names_rows(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", numbered(30))
    dataset, survey = surveyed(path, id="id")
    assert dataset.columns == ("id", "text")
    assert dataset.files == (path,)
    assert (survey.total_rows, survey.rows, survey.selected) == (30, 30, None)
    assert survey.row_ids.to_pylist() == [str(i) for i in range(30)]
    assert survey.content_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_content_ids_are_digests_with_numbered_repeats(tmp_path: Path) -> None:
    rows = [{"q": "a"}, {"q": "b"}, {"q": "a"}, {"q": "a"}]
    a, b = digest({"q": "a"}), digest({"q": "b"})
    assert ids_of(parquet(tmp_path / "rows.parquet", rows)) == [a, b, f"{a}-1", f"{a}-2"]


def test_content_ids_ignore_the_order_of_rows_and_columns(tmp_path: Path) -> None:
    rows = [{"q": str(i % 40), "n": i % 3} for i in range(100)]
    turned = [{"n": row["n"], "q": row["q"]} for row in rows]
    random.Random(1).shuffle(turned)
    one = ids_of(parquet(tmp_path / "a.parquet", rows))
    other = ids_of(parquet(tmp_path / "b.parquet", turned))
    assert sorted(one) == sorted(other)
    assert len(set(one)) == 100


@given(values=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30))
def test_repeats_are_numbered_in_order(values: list[str]) -> None:
    counted: dict[str, int] = {}
    expected = []
    for value in values:
        seen = counted.get(value, 0)
        expected.append(f"{value}-{seen}" if seen else value)
        counted[value] = seen + 1
    assert number_repeats(pa.array(values)).to_pylist() == expected


def test_repeated_ids_are_refused_with_value_and_rows(tmp_path: Path) -> None:
    rows = [{"id": value} for value in ("a", "b", "c", "a", "d", "d", "e", "e", "f", "f")]
    with pytest.raises(DataError) as caught:
        surveyed(parquet(tmp_path / "rows.parquet", rows), id="id")
    message = str(caught.value)
    assert "4 values more than once" in message
    assert "'a' in row 1 and row 4; 'd' in row 5 and row 6; 'e' in row 7 and row 8" in message
    assert "'f'" not in message


def test_a_single_repeated_id_is_counted_as_one_and_its_file_is_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", [{"id": "a"}, {"id": "a"}])
    with pytest.raises(DataError, match=r"^rows\.parquet: id column 'id' has 1 value more than once: 'a' in row 1 and"):
        surveyed(path, id="id")


def test_repeated_ids_across_files_name_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n2\n")
    (tmp_path / "b.csv").write_text("id\n3\n2\n")
    with pytest.raises(DataError, match=r"'2' in row 2 of a\.csv and row 2 of b\.csv"):
        surveyed(f"{tmp_path}/*.csv", id="id")


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_ids_are_refused_with_their_rows(tmp_path: Path, missing: str | None) -> None:
    rows = [{"id": "a"}, {"id": missing}, {"id": missing}]
    with pytest.raises(DataError, match="null or empty in 2 rows: row 2, row 3"):
        surveyed(parquet(tmp_path / "rows.parquet", rows), id="id")


def test_an_unknown_id_column_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'txt' for `id`; did you mean 'text'"):
        surveyed(parquet(tmp_path / "rows.parquet", numbered(2)), id="txt")


def test_an_id_column_of_decimals_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'id' holds double; ids are text or whole numbers"):
        surveyed(parquet(tmp_path / "rows.parquet", [{"id": 1.5}]), id="id")


def test_a_sample_is_the_seeded_choice_in_file_order(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", numbered(100))
    chosen = [int(value) for value in ids_of(path, id="id", sample=10, seed=7)]
    assert chosen == sorted(random.Random(7).sample(range(100), 10))
    assert chosen != [int(value) for value in ids_of(path, id="id", sample=10, seed=8)]
    assert len(ids_of(path, id="id", sample=1000)) == 100


def test_a_limit_takes_the_first_after_sampling(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", numbered(50))
    sampled = ids_of(path, id="id", sample=20, seed=3)
    assert ids_of(path, id="id", sample=20, seed=3, limit=5) == sampled[:5]
    assert ids_of(path, id="id", limit=5) == ["0", "1", "2", "3", "4"]
    assert ids_of(path, id="id", limit=500) == [str(i) for i in range(50)]


@given(total=st.integers(1, 60), sample=st.none() | st.integers(1, 80), limit=st.none() | st.integers(1, 80))
def test_a_selection_is_sorted_unique_and_of_the_asked_size(total: int, sample: int | None, limit: int | None) -> None:
    chosen = select(total, DatasetSettings(path="x", sample=sample, limit=limit))
    positions = list(range(total)) if chosen is None else chosen.tolist()
    assert len(positions) == min(total, sample or total, limit or total)
    assert positions == sorted(set(positions))
    assert all(0 <= position < total for position in positions)


@pytest.mark.parametrize("option", ["sample", "limit"])
def test_a_selection_of_nothing_is_refused(tmp_path: Path, option: str) -> None:
    path = parquet(tmp_path / "rows.parquet", numbered(3))
    with pytest.raises(SettingsError, match=f"dataset {option} is 0"):
        surveyed(path, **{option: 0})


@pytest.fixture(scope="module")
def many_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same 60 rows as three files of each format."""
    folder = tmp_path_factory.mktemp("many")
    for part in range(3):
        table = pa.table({"id": [str(i) for i in range(part * 20, part * 20 + 20)]})
        pq.write_table(table, folder / f"{part}.parquet", row_group_size=6)
        (folder / f"{part}.csv").write_text("id\n" + "".join(f"{i}\n" for i in table["id"].to_pylist()))
        (folder / f"{part}.jsonl").write_text("".join(f'{{"id":"{i}"}}\n' for i in table["id"].to_pylist()))
        with pa.ipc.new_file(folder / f"{part}.arrow", table.schema) as writer:
            writer.write_table(table, max_chunksize=9)
    return {kind: f"{folder}/*.{kind}" for kind in ("parquet", "csv", "jsonl", "arrow")}


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "arrow"])
@pytest.mark.parametrize("sample", [None, 25])
@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_any_stretch_of_the_plan_holds_its_rows(
    many_files: dict[str, str], kind: str, sample: int | None, batch_rows: int
) -> None:
    dataset, survey = surveyed(many_files[kind], id="id", sample=sample)
    plan = survey.row_ids.to_pylist()
    for start, stop in ((0, None), (0, 5), (5, 21), (19, 23), (24, 99), (9, 9)):
        batches = list(dataset.batches(survey, start, stop, batch_rows))
        ids = [row_id for batch in batches for row_id in batch.row_ids]
        assert ids == plan[start:stop]
        assert [record["id"] for batch in batches for record in batch.records()] == ids
        assert [batch.start for batch in batches] == list(range(start, start + len(ids), batch_rows))


def test_files_are_one_dataset_whatever_their_names(tmp_path: Path) -> None:
    contents = {"a.csv": "id\n1\n", "b.csv": "id\n2\n"}
    for folder, names in (("one", ("a.csv", "b.csv")), ("other", ("x.csv", "y.csv")), ("turned", ("b.csv", "a.csv"))):
        (tmp_path / folder).mkdir()
        for name, content in zip(names, contents.values(), strict=True):
            (tmp_path / folder / name).write_text(content)
    one, other, turned = (surveyed(f"{tmp_path}/{name}/*.csv")[1].content_sha256 for name in ("one", "other", "turned"))
    assert one == other
    assert one != turned  # other plan coordinates: a run must not continue over it


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (pa.table({"id": [1], "b": [1]}), "differ in their columns: 'a', 'b' in only one of them"),
        (pa.table({"id": ["1"], "a": [1]}), "differ in the type of column 'id': string and int64"),
        (pa.table({"a": [1], "id": [1]}), "same columns in different order"),
    ],
)
def test_files_with_different_columns_are_refused(tmp_path: Path, second: pa.Table, message: str) -> None:
    pq.write_table(pa.table({"id": [1], "a": [1]}), tmp_path / "1.parquet")
    pq.write_table(second, tmp_path / "2.parquet")
    with pytest.raises(DataError) as caught:
        open_dataset(DatasetSettings(path=f"{tmp_path}/*.parquet"))
    assert message in str(caught.value)


def test_an_empty_file_among_others_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id\n1\n")
    (tmp_path / "2.csv").write_text("id\n")
    with pytest.raises(DataError, match=r"2\.csv has columns but no rows"):
        open_dataset(DatasetSettings(path=f"{tmp_path}/*.csv"))


def test_a_file_that_changes_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id\n1\n2\n")
    dataset, survey = surveyed(path, id="id")
    path.write_text("id\n1\n2\n3\n")
    with pytest.raises(DataError, match="has changed while it was in use"):
        list(dataset.batches(survey))


def test_control_characters_of_a_name_do_not_reach_the_message(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\x1b[2J,a\x1b[2J\n1,2\n")
    with pytest.raises(DataError) as caught:
        open_dataset(DatasetSettings(path=str(tmp_path / "rows.csv")))
    assert "\x1b" not in str(caught.value)


@pytest.mark.slow
def test_a_million_ids_are_checked_in_little_memory() -> None:
    ids = pa.array([f"row-{i:026d}" for i in range(1_000_000)])
    tracemalloc.start()
    held = pa.total_allocated_bytes()
    check_ids(ids, "id", [("rows", 0)])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes + pa.total_allocated_bytes() - held < 100_000_000
