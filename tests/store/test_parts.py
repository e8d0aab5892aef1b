from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.core.errors import DiskError
from pipeline.store.disk import SYSTEM_DISK
from pipeline.store.journal import decode_line, encode_record
from pipeline.store.parts import read_part, spent_in, write_table
from pipeline.store.schema import ATTEMPT, RESULTS_SCHEMA, results_table
from tests.support.store import COST, result


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part-00000001-0123abcd.parquet"
    write_table(path, results_table([decode_line(encode_record(result(n))) or {} for n in range(300)]), SYSTEM_DISK)
    return path


def test_a_part_is_read_whole_or_by_columns_in_the_order_asked_for(part: Path) -> None:
    assert read_part(part).schema.equals(RESULTS_SCHEMA)
    assert read_part(part, ["text", "job_id"]).column_names == ["text", "job_id"]
    assert read_part(part)["job_id"].to_pylist() == [result(n).job_id for n in range(300)]


def test_a_damaged_part_says_so_and_what_to_do(part: Path) -> None:
    data = part.read_bytes()
    flipped = data[:200] + bytes([data[200] ^ 1]) + data[201:]
    for content in (flipped, data[:-1], data[: len(data) // 2], b"", b"PAR1 nonsense", data[:-40] + b"x" * 40):
        part.write_bytes(content)
        with pytest.raises(DiskError) as caught:
            read_part(part)
        assert str(caught.value).startswith(f"{part}: is damaged: ")
        assert str(caught.value).endswith("; `evalmill verify` lists what is wrong")


def test_a_missing_part_and_a_missing_column_say_so(part: Path) -> None:
    with pytest.raises(DiskError, match=r"is damaged: .*no_such"):
        read_part(part, ["no_such"])
    part.unlink()
    with pytest.raises(DiskError, match="is damaged: it is missing;"):
        read_part(part)


def test_a_part_of_before_bookings_counts_its_known_costs(part: Path) -> None:
    table = read_part(part, ["source", "attempts"])
    older = pa.list_(pa.struct([field for field in ATTEMPT if field.name != "booked_usd"]))
    lists = [
        [{k: v for k, v in one.items() if k != "booked_usd"} for one in row] for row in table["attempts"].to_pylist()
    ]
    before = pa.table({"source": table["source"], "attempts": pa.array(lists, older)})
    assert spent_in(before) == spent_in(table) == 300 * COST
    assert spent_in(table.slice(0, 0)) == Decimal(0)
