"""Files are recognised by name and first bytes."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from pipeline.core.errors import DataError
from pipeline.plan.sniff import find_files, format_of, sniff, suggest, undecodable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.parquet", "parquet"),
        ("a.csv", "csv"),
        ("A.CSV", "csv"),
        ("a.tsv", "tsv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.arrow", "ipc"),
        ("a.feather", "ipc"),
    ],
)
def test_the_ending_names_the_format(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize(
    ("name", "advice"), [("a.json", "jq -c"), ("a.csv.gz", "gunzip"), ("a.xlsx", "CSV UTF-8"), ("a", "no ending")]
)
def test_another_ending_is_refused_with_advice(name: str, advice: str) -> None:
    with pytest.raises(DataError, match=r"\.parquet, \.csv") as caught:
        format_of(Path(name))
    assert advice in str(caught.value)


def test_a_glob_lists_its_files_sorted(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).write_text("x\n1\n")
    files, kind = find_files(f"{tmp_path}/*.csv")
    assert [file.name for file in files] == ["a.csv", "b.csv"]
    assert kind == "csv"


def test_a_name_with_brackets_is_a_file_and_not_a_glob(tmp_path: Path) -> None:
    (tmp_path / "data[1].csv").write_text("x\n1\n")
    assert find_files(f"{tmp_path}/data[1].csv")[0] == (tmp_path / "data[1].csv",)


def test_a_glob_over_two_formats_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match=r"different formats \(csv, jsonl: a.csv, b.jsonl\)"):
        find_files(f"{tmp_path}/*")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("*.csv", "no file matches this pattern"),
        ("row.parquet", r"did you mean rows\.parquet\?"),
        ("nowhere/rows.csv", "the folder .*nowhere does not exist"),
        ("folder", r"is a folder; name its files"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, pattern: str, message: str) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=message):
        find_files(f"{tmp_path}/{pattern}")


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="not a regular file"):
        find_files(f"{tmp_path}/pipe.csv")


def test_an_address_is_refused() -> None:
    with pytest.raises(DataError, match="only local files"):
        find_files("s3://bucket/rows.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "white space"),
        (b"\x89PNG\r\n\x1a\n....", "PNG image"),
        (gzip.compress(b"id\n1\n", mtime=0), "gunzip"),
        (b"PK\x03\x04....", "Excel workbook"),
        (b"PAR1....PAR1", "name it .parquet"),
        (b"\n <!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf<html>", "HTML"),
        ("id\n1\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8 rows.csv"),
    ],
)
def test_another_kind_of_file_named_csv_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.csv") as caught:
        sniff(path, "csv")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1", "truncated"),
        (b"PAR1" + b"x" * 100, "truncated"),
        (b"id,text\n1,a\n", "begins with b'id,text"),
        (b"<html></html>", "HTML"),
    ],
)
def test_what_is_not_parquet_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        sniff(path, "parquet")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "encoding", "guess"), [("안녕하세요", "cp949", "CP949"), ("café naïve", "latin-1", "LATIN1")]
)
def test_a_wrong_encoding_is_found_with_its_line(tmp_path: Path, text: str, encoding: str, guess: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"id,text\n1,ok\n2," + text.encode(encoding) + b"\n")
    message = str(undecodable(path))
    assert f"{path}:3:" in message
    assert f"iconv -f {guess} -t UTF-8" in message


def test_a_column_is_suggested_for_a_misspelt_one() -> None:
    assert suggest("qestion", ["id", "question"]) == "did you mean 'question'? columns: 'id', 'question'"
    assert suggest("zzz", ["id"]) == "columns: 'id'"
