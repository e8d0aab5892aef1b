"""The reference collection of malformed files: each is refused with its place, or read as documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DataError
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import open_dataset

READ = {
    "00_good.csv": 5,
    "01_bom_utf8.csv": 5,
    "11_blank_lines.csv": 2,
    "13_mixed_eol.csv": 4,
    "14_cr_only.csv": 2,
    "16_quote_mid.csv": 2,
    "17_newline_in_field.csv": 2,
    "20_late_type_change.csv": 2001,
    "21_leading_zeros.csv": 2,
    "22_bigint_id.csv": 2,
    "23_null_spellings.csv": 6,
    "24_formula.csv": 3,
    "25_header_spaces.csv": 1,
    "31_inf_nan_floats.csv": 4,
    "p0_good.parquet": 1000,
    "p9_null_col.parquet": 2,
    "p10_nested_map.parquet": 2,
    "p11_types.parquet": 1,
    "p14_dict.parquet": 2,
}
REFUSED = {
    "02_utf16le_bom.csv": "UTF-16",
    "03_ragged_short.csv": ":3: 2 fields, expected 3",
    "04_ragged_long.csv": ":3: 4 fields, expected 3",
    "05_nul_bytes.csv": ":2: a NUL byte",
    "06_cp949.csv": ":2: not UTF-8 at byte 3 of the line",
    "07_latin1.csv": ":2: not UTF-8 at byte 6 of the line",
    "08_dup_header.csv": "names a column twice: 'text'",
    "09_empty.csv": "is empty",
    "10_header_only.csv": "no rows",
    "12_huge_field_64MB.csv": ":2: a line longer than",
    "15_unclosed_quote.csv": ":2: the quote opened in this record is never closed",
    "18_no_final_newline_trunc.csv": ":4: the quote opened in this record is never closed",
    "19_semicolon.csv": "separated by semicolons",
    "26_noncsv_png_as.csv": "PNG",
    "27_html_as.csv": "HTML",
    "28_gzip_as.csv": "gunzip",
    "29_100k_columns.csv": "100,000 columns",
    "30_lone_surrogate_bytes.csv": ":2: not UTF-8",
    "p1_truncated.parquet": "truncated",
    "p2_no_footer_magic.parquet": "truncated",
    "p3_empty.parquet": "is empty",
    "p4_csv_named.parquet": "not a Parquet file",
    "p6_bitflip_footer.parquet": "damaged",
    "p7_footer_len_huge.parquet": "damaged",
    "p8_parquet_as.csv": "name it .parquet",
    "p12_zero_rows.parquet": "no rows",
    "p13_dup_cols.parquet": "names a column twice: 'a'",
    "p16_bad_utf8.parquet": "UTF8",
}


@pytest.fixture(scope="session")
def bad_inputs(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad_inputs")
    subprocess.run([sys.executable, shared / "vectors" / "make_bad_inputs.py", folder], check=True, capture_output=True)
    return folder


def read_all(path: Path) -> list[dict[str, Any]]:
    dataset = open_dataset(DatasetSettings(path=str(path)))
    return [record for batch in dataset.batches(dataset.survey()) for record in batch.records()]


@pytest.mark.parametrize(("name", "rows"), READ.items())
def test_an_unusual_file_is_read_whole(bad_inputs: Path, name: str, rows: int) -> None:
    assert len(read_all(bad_inputs / name)) == rows


@pytest.mark.parametrize(("name", "message"), REFUSED.items())
def test_a_malformed_file_is_refused_by_name_and_place(bad_inputs: Path, name: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_all(bad_inputs / name)
    assert name in str(caught.value)
    assert message in str(caught.value)


def test_values_of_csv_stay_as_written(bad_inputs: Path) -> None:
    assert [row["zip"] for row in read_all(bad_inputs / "21_leading_zeros.csv")] == ["02139", "00501"]
    assert read_all(bad_inputs / "22_bigint_id.csv")[1]["id"] == "18446744073709551617"
    texts = [row["text"] for row in read_all(bad_inputs / "23_null_spellings.csv")]
    assert texts == ["", "", "NA", "null", "None", "NaN"]


def test_every_file_of_the_collection_is_covered(bad_inputs: Path) -> None:
    # A flipped data bit without page checksums is invisible to any reader; the bomb has its own test.
    left = {path.name for path in bad_inputs.iterdir()} - READ.keys() - REFUSED.keys()
    assert left == {"p5_bitflip_data.parquet", "p15_bomb.parquet"}


@pytest.mark.slow
def test_a_bomb_is_read_in_pieces_of_bounded_memory(bad_inputs: Path) -> None:
    code = """
import re, sys
from pathlib import Path
from pipeline.core.settings import DatasetSettings
from pipeline.plan.dataset import open_dataset
dataset = open_dataset(DatasetSettings(path=sys.argv[1]))
rows = sum(len(batch.row_ids) for batch in dataset.batches(dataset.survey()))
print(rows, int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, bad_inputs / "p15_bomb.parquet"]
    rows, peak_mb = map(
        int, subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split()
    )
    assert rows == 4000
    assert peak_mb < 1000
